"""Files within files in, the same whole again with damage inside: what a checksum cannot tell, only a reader can."""

from __future__ import annotations

import gzip
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable
from random import Random

from .raw import DAMAGE, Mutator, lie_in_integer
from .trees import JSON, as_bytes

Inside = Callable[[Random, bytes, Callable[[bytes], bytes]], bytes]


def in_gzip(rng: Random, data: bytes, mutate: Callable[[bytes], bytes]) -> bytes:
    return gzip.compress(mutate(gzip.decompress(data)), 1, mtime=0)


_COMPACT = struct.Struct("<8sIIQI")


def in_compact(rng: Random, data: bytes, mutate: Callable[[bytes], bytes]) -> bytes:
    """A compact language model whose arrays or description lie, under a head that fits them."""
    magic, version, described, _, _ = _COMPACT.unpack(data[: _COMPACT.size])
    text, arrays = data[_COMPACT.size :][:described], data[_COMPACT.size + described :]
    if rng.random() < 0.4:
        text = rng.choice(JSON_BYTES)(rng, text, text)
    else:
        arrays = rng.choice((lie_in_integer, *DAMAGE[:3]))(rng, arrays, arrays)
    check = zlib.crc32(text + arrays)
    return _COMPACT.pack(magic, version, len(text), _COMPACT.size + len(text) + len(arrays), check) + text + arrays


_FRAME, _CHECK = struct.Struct("<cI"), struct.Struct("<I")


def in_journal(rng: Random, data: bytes, mutate: Callable[[bytes], bytes]) -> bytes:
    """A recorder's journal with one frame of another kind, content or place."""
    at = data.index(b"\n") + 1
    frames = []
    while at < len(data):
        kind, length = _FRAME.unpack(data[at : at + _FRAME.size])
        frames.append((kind, data[at + _FRAME.size :][:length]))
        at += _FRAME.size + length + _CHECK.size
    # Half of the time what is not samples.
    facts = [i for i, (kind, _) in enumerate(frames) if kind != b"S"]
    i, j = rng.choice(facts) if rng.random() < 0.7 else rng.randrange(len(frames)), rng.randrange(len(frames))
    kind, payload = frames[i]
    what = rng.randrange(6)
    if what <= 2 and kind != b"S":
        frames[i] = kind, rng.choice(JSON_BYTES)(rng, payload, payload)
    elif what <= 2:
        frames[i] = kind, rng.choice(DAMAGE)(rng, payload, payload)
    elif what == 3:
        frames[i] = rng.choice((b"H", b"S", b"K", b"B", b"E", b"N")), payload
    elif what == 4:
        frames[i], frames[j] = frames[j], frames[i]
    else:
        frames[j:j] = [frames[i]] * rng.choice((0, 1, 50))
    out = data[: data.index(b"\n") + 1]
    for kind, payload in frames:
        head = _FRAME.pack(kind, len(payload))
        out += head + payload + _CHECK.pack(zlib.crc32(payload, zlib.crc32(head)))
    return out


def in_zip(rng: Random, data: bytes, mutate: Callable[[bytes], bytes]) -> bytes:
    """PyTorch's archive with one member changed; its pickle as often as all tensors together."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        names = old.namelist()
        pickles = [name for name in names if name.endswith(".pkl")]
        chosen = rng.choice(pickles if rng.random() < 0.5 else names)
        for name in names:
            content = old.read(name)
            if name == chosen:
                content = rng.choice((b"", PICKLE, *[mutate(content)] * 8)) if content else rng.randbytes(64)
            new.writestr(name, content)
    return out.getvalue()


PICKLE = b"\x80\x02cfuzz_canary\nbite\nq\x00)Rq\x01."  # calls fuzz_canary.bite()


def in_safetensors(rng: Random, data: bytes, mutate: Callable[[bytes], bytes]) -> bytes:
    """Weights under another description: shapes, types, places."""
    (length,) = struct.unpack("<Q", data[:8])
    text, weights = data[8 : 8 + length], data[8 + length :]
    if rng.random() < 0.8:
        text = rng.choice(JSON_BYTES)(rng, text, text)
    else:
        weights = rng.choice(DAMAGE)(rng, weights, weights)
    return struct.pack("<Q", len(text)) + text + weights


def in_manifest_checksum(rng: Random, data: bytes, mutate: Callable[[bytes], bytes]) -> bytes:
    """A split file that was edited and given a checksum that fits, as a stranger would."""
    import hashlib

    changed = mutate(data)
    try:
        content = json.loads(changed)
        del content["sha256"]
        text = json.dumps(content, sort_keys=True, ensure_ascii=False)
        content["sha256"] = hashlib.sha256(text.encode()).hexdigest()
        return json.dumps(content, indent=1).encode()
    except (ValueError, TypeError, KeyError, RecursionError):
        return changed


JSON_BYTES: tuple[Mutator, ...] = tuple(as_bytes(mutate) for mutate in JSON)
