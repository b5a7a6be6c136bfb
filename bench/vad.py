"""``python -m bench.vad``: what hearing where speech ends costs, per frame of 20 ms of a real recording.

Prints the CPU time per frame, cutter and voice detection together, and the share of a core a speaker takes.
"""

import json
import time
from pathlib import Path

from agent.wav import read_wav
from scheduling.cutter import CutLimits
from scheduling.speech_cutter import SpeechCutter

_RECORDING = Path(__file__).parents[1] / "tests" / "data" / "jfk.wav"
_FRAME_MS = 20
#: Frames to a chunk, as a browser sends them.
_AT_ONCE = 5
_ROUNDS = 50


def main() -> None:
    """Measure and print."""
    spoken = read_wav(_RECORDING.read_bytes())
    size = 2 * spoken.sample_rate * _FRAME_MS // 1000 * _AT_ONCE
    chunks = [spoken.pcm[at : at + size] for at in range(0, len(spoken.pcm), size)]
    began_s = time.process_time()
    for _ in range(_ROUNDS):
        cutter = SpeechCutter(CutLimits(), spoken.sample_rate, 600)
        for seq, chunk in enumerate(chunks):
            cutter.add(chunk, seq=seq, is_final=False, now_ms=seq * _FRAME_MS * _AT_ONCE)
    took_s = time.process_time() - began_s
    frames = _ROUNDS * spoken.seconds * 1000 / _FRAME_MS
    report = {
        "frames": round(frames),
        "frame_us": round(took_s / frames * 1e6, 1),
        "core_per_speaker_pct": round(100 * took_s / (_ROUNDS * spoken.seconds), 3),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
