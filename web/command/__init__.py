"""The speech-dispatch command."""
