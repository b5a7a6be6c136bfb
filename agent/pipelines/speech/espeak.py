"""Speech synthesis by espeak-ng through ctypes; the library and its voices come in ``espeakng-loader``.

Robotic but instant (5 ms for 9 s of speech) and small. The library is loaded only by this module:
it is GPL-3, an optional part that the user installs.
"""

from __future__ import annotations

import ctypes
import threading
from functools import cache

import espeakng_loader

from agent.pipelines.base import PipelineUnavailable
from agent.wav import Recording

VOICES = {"en": "en-us", "pt": "pt-br", "es": "es"}

#: espeak's own default of 175 words a minute is hard to follow; at 150 a recogniser hears every word.
WORDS_PER_MINUTE = 150

# From espeak-ng/speak_lib.h.
_SYNCHRONOUS = 2
_RATE = 1
_POSITION_CHARACTER = 1
_UTF8 = 1

_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


class Espeak:
    """The one engine of the process; use `engine`. It is one set of C globals, hence the lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pcm = bytearray()
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._library.espeak_Synth.argtypes = _SYNTH_ARGUMENTS
        self._sample_rate = self._library.espeak_Initialize(
            _SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0
        )
        if self._sample_rate <= 0:
            raise PipelineUnavailable("espeak-ng does not start: its voice data is missing or damaged.")
        # Kept in the object: the library holds only the address, which must outlive this call.
        self._callback = _Callback(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def say(self, text: str, language: str) -> Recording:
        """Speak the text, at 22,050 Hz.

        Raises `KeyError`: there is no voice for the language.
        """
        voice = VOICES[language]
        data = text.replace("\0", " ").encode() + b"\0"
        with self._lock:
            self._pcm = bytearray()
            self._library.espeak_SetVoiceByName(voice.encode())
            self._library.espeak_SetParameter(_RATE, WORDS_PER_MINUTE, 0)
            self._library.espeak_Synth(data, len(data), 0, _POSITION_CHARACTER, 0, _UTF8, None, None)
            self._library.espeak_Synchronize()
            return Recording(bytes(self._pcm), self._sample_rate)

    def _collect(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        if samples and count > 0:
            self._pcm += ctypes.string_at(samples, 2 * count)
        return 0


_SYNTH_ARGUMENTS = (
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.c_uint,
    ctypes.c_int,
    ctypes.c_uint,
    ctypes.c_uint,
    ctypes.c_void_p,
    ctypes.c_void_p,
)


@cache
def engine() -> Espeak:
    """Return the engine of this process, started at the first call.

    Raises `PipelineUnavailable`: it does not start.
    """
    return Espeak()
