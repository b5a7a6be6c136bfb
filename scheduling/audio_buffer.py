"""Audio that waits to be cut: how much there is, where it may be cut, and which chunks it came from."""

from collections import deque
from dataclasses import dataclass
from typing import Protocol

from scheduling.audio import check_sample_rate, opus_index, pcm16_duration_ms, quietest_cut, quietest_packet


@dataclass(frozen=True, slots=True)
class Chunk:
    """One message's audio, checked; `packets` as in `scheduling.audio.opus_index`, empty for pcm16."""

    data: bytes
    packets: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Overflow:
    """The buffer is over a limit: `size` bytes are to leave, `by_bytes` if not for their duration."""

    size: int
    by_bytes: bool


class AudioBuffer(Protocol):
    """Audio of one format. It holds and gives whole samples or packets only."""

    @property
    def size(self) -> int:
        """Bytes that can be taken."""
        ...

    def read(self, data: bytes) -> Chunk:
        """Check a chunk without keeping it; raises `InvalidAudio`."""
        ...

    def append(self, chunk: Chunk) -> tuple[int, int]:
        """Keep a chunk. Returns (bytes that can now be taken more, how many of them came earlier)."""
        ...

    def overflow(self) -> Overflow | None:
        """Where to cut if a limit is exceeded; at least one sample or packet leaves, and one stays."""
        ...

    def take(self, size: int) -> tuple[bytes, int]:
        """Remove the first `size` bytes. Returns them and their length in whole ms, rounded down."""
        ...


class Pcm16Buffer:
    """Samples of two bytes. A chunk may end inside a sample: its other half comes with the next one.

    `max_duration_ms` 0 means no limit but `max_bytes`. Raises `InvalidAudio` for an unsupported rate.
    """

    def __init__(self, sample_rate: int, max_duration_ms: int, max_bytes: int) -> None:
        check_sample_rate(sample_rate)
        self._sample_rate = sample_rate
        by_duration = sample_rate * max_duration_ms // 1000 * 2
        self._by_bytes = not 0 < by_duration <= max_bytes
        self._limit = max_bytes if self._by_bytes else by_duration
        self._data = bytearray()
        self._half = b""

    @property
    def size(self) -> int:
        """Bytes of whole samples."""
        return len(self._data)

    @property
    def limit(self) -> int:
        """Most bytes one utterance may have."""
        return self._limit

    def peek(self, start: int, end: int) -> bytes:
        """Give bytes that stay buffered."""
        return bytes(self._data[start:end])

    def read(self, data: bytes) -> Chunk:
        """Any bytes are samples."""
        return Chunk(data)

    def append(self, chunk: Chunk) -> tuple[int, int]:
        """Keep the chunk's whole samples, the first perhaps begun by the chunk before."""
        carried = len(self._half)
        samples = self._half + chunk.data
        whole = len(samples) // 2 * 2
        self._data += samples[:whole]
        self._half = samples[whole:]
        return whole, carried

    def overflow(self) -> Overflow | None:
        """Cut at the quietest moment before the limit."""
        if self.size <= self._limit:
            return None
        return Overflow(quietest_cut(bytes(self._data[: self._limit]), self._sample_rate), self._by_bytes)

    def take(self, size: int) -> tuple[bytes, int]:
        """Remove `size` bytes of samples."""
        audio = bytes(self._data[:size])
        del self._data[:size]
        return audio, pcm16_duration_ms(audio, self._sample_rate)


class OpusBuffer:
    """Length-prefixed packets. A chunk holds whole packets, and cuts fall between packets.

    `max_duration_ms` 0 means no limit but `max_bytes`.
    """

    def __init__(self, max_duration_ms: int, max_bytes: int) -> None:
        self._max_us = max_duration_ms * 1000 or None
        self._max_bytes = max_bytes
        self._data = bytearray()
        self._packets: deque[tuple[int, int]] = deque()
        self._duration_us = 0

    @property
    def size(self) -> int:
        """Bytes of packets with their lengths."""
        return len(self._data)

    def read(self, data: bytes) -> Chunk:
        """Read the head of every packet."""
        return Chunk(data, tuple(opus_index(data)))

    def append(self, chunk: Chunk) -> tuple[int, int]:
        """Keep the chunk's packets."""
        self._data += chunk.data
        self._packets.extend(chunk.packets)
        self._duration_us += sum(duration_us for _, duration_us in chunk.packets)
        return len(chunk.data), 0

    def overflow(self) -> Overflow | None:
        """Cut behind the quietest packet before the limit."""
        if self.size <= self._max_bytes and not self._too_long(self._duration_us):
            return None
        fitting: list[tuple[int, int]] = []
        size = duration_us = 0
        by_bytes = False
        for packet_size, packet_us in self._packets:
            size += packet_size
            duration_us += packet_us
            by_bytes = size > self._max_bytes
            if by_bytes or self._too_long(duration_us):
                break
            fitting.append((packet_size, packet_us))
        leaving = fitting[: quietest_packet(fitting)]
        return Overflow(sum(packet_size for packet_size, _ in leaving), by_bytes)

    def take(self, size: int) -> tuple[bytes, int]:
        """Remove `size` bytes, which must end at a packet's boundary."""
        audio = bytes(self._data[:size])
        del self._data[:size]
        duration_us = 0
        while size:
            packet_size, packet_us = self._packets.popleft()
            size -= packet_size
            duration_us += packet_us
        self._duration_us -= duration_us
        return audio, duration_us // 1000

    def _too_long(self, duration_us: int) -> bool:
        return self._max_us is not None and duration_us > self._max_us


@dataclass(slots=True)
class _Span:
    """What is left of one chunk in the buffer; `offset` bytes of the chunk are gone from its front.

    `half`: the chunk's last byte begins a sample whose other half comes with the next one.
    """

    seq: int
    arrived_ms: int
    client_timestamp_ms: int | None
    offset: int
    size: int
    half: bool


@dataclass(frozen=True, slots=True)
class Origin:
    """Which chunks a piece of audio came from.

    `first_offset` bytes of chunk `first_seq` left earlier. `split_at` is 0 when chunk `last_seq` ends
    with the piece, else the offset in it at which the next piece begins. The times are the first chunk's.
    """

    first_seq: int
    first_offset: int
    last_seq: int
    split_at: int
    first_chunk_ms: int
    client_timestamp_ms: int | None


class Spans:
    """The chunks behind the bytes of a buffer, in the order of their arrival."""

    def __init__(self) -> None:
        self._spans: deque[_Span] = deque()

    def append(
        self,
        seq: int,
        arrived_ms: int,
        client_timestamp_ms: int | None,
        size: int,
        carried: int,
        *,
        begins: int = 0,
        half: bool = False,
    ) -> None:
        """Note `size` bytes of chunk `seq`, of which the first `carried` came with the chunk before.

        The chunk's own first byte here is its byte `begins`; `half`: one more byte of it waits.
        """
        if size:
            self._spans.append(_Span(seq, arrived_ms, client_timestamp_ms, begins - carried, size, half))

    def take(self, size: int) -> Origin:
        """Forget the first `size` bytes (at least 1) and say where they came from."""
        first = self._spans[0]
        first_offset = max(0, first.offset)
        while size:
            last = self._spans[0]
            used = min(size, last.size)
            last.offset += used
            last.size -= used
            size -= used
            if not last.size:
                self._spans.popleft()
        return Origin(
            first_seq=first.seq,
            first_offset=first_offset,
            last_seq=last.seq,
            split_at=last.offset if last.size or last.half else 0,
            first_chunk_ms=first.arrived_ms,
            client_timestamp_ms=first.client_timestamp_ms,
        )
