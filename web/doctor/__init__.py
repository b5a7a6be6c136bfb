"""What `speech-dispatch doctor` looks at: each check says how a thing is, and what to do about it."""
