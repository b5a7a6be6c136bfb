"""Real speech to speech on a CPU: Whisper, Bergamot and espeak-ng, from packages of the extra ``speech``."""
