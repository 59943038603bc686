"""Tiny GGUF headers for the command's tests: usage gguf.py FOLDER."""
import struct
import sys


class Header:
    def __init__(self, order="<"):
        self.order, self.pairs, self.tensors, self.offset = order, [], [], 0

    def pack(self, kind, *values):
        return struct.pack(self.order + kind, *values)

    def string(self, text):
        return self.pack("Q", len(text)) + text.encode()

    def number(self, key, value):
        self.pairs.append(self.string(key) + self.pack("II", 4, value))

    def word(self, key, value):
        self.pairs.append(self.string(key) + self.pack("I", 8) + self.string(value))

    def numbers(self, key, values):
        self.pairs.append(self.string(key) + self.pack("IIQ", 9, 4, len(values)) + self.pack("%dI" % len(values), *values))

    def words(self, key, values):
        self.pairs.append(self.string(key) + self.pack("IIQ", 9, 8, len(values)) + b"".join(map(self.string, values)))

    def tensor(self, name, *dims):  # f16
        size = 2
        for n in dims:
            size *= n
        self.tensors.append(self.string(name) + self.pack("I%dQIQ" % len(dims), len(dims), *dims, 1, self.offset))
        self.offset += (size + 31) // 32 * 32

    def bytes(self):
        text = b"GGUF" + self.pack("IQQ", 3, len(self.tensors), len(self.pairs)) + b"".join(self.pairs + self.tensors)
        return text + bytes(-len(text) % 32 + self.offset)


def model(order, arch, **numbers):
    header = Header(order)
    header.word("general.architecture", arch)
    header.words("tokenizer.ggml.tokens", ["a", "bc", ""])
    for key, value in numbers.items():
        (header.numbers if isinstance(value, list) else header.number)(arch + "." + key.replace("__", "."), value)
    return header


def plain(order):
    header = model(order, "llama", block_count=2, context_length=1000, embedding_length=64, attention__head_count=4,
                   attention__head_count_kv=2)
    header.tensor("token_embd.weight", 64, 100)
    for layer in range(2):
        header.tensor("blk.%d.attn_k.weight" % layer, 64, 32)
    return header


def part(no):
    header = plain("<") if no == 0 else Header()
    header.number("split.no", no)
    header.number("split.count", 2)
    if no:
        header.tensor("blk.1.ffn_up.weight", 64, 128)
    return header


def mixed():
    header = model("<", "lfm2", block_count=2, context_length=512, embedding_length=64, attention__head_count=4,
                   attention__head_count_kv=[0, 2], shortconv__l_cache=3)
    header.tensor("blk.0.shortconv.conv.weight", 3, 64)
    header.tensor("blk.1.attn_k.weight", 64, 32)
    return header


files = {
    "plain.gguf": plain("<"), "big.gguf": plain(">"), "mixed.gguf": mixed(),
    "part-00001-of-00002.gguf": part(0), "part-00002-of-00002.gguf": part(1),
    "gemma.gguf": model("<", "gemma2", block_count=2, context_length=8192, embedding_length=64, attention__head_count=4,
                        attention__sliding_window=256),
    "mla.gguf": model("<", "deepseek2", block_count=1, context_length=256, embedding_length=64, attention__head_count=4,
                      attention__head_count_kv=1, attention__kv_lora_rank=512, rope__dimension_count=64,
                      attention__key_length_mla=192),
}
for name, header in files.items():
    with open(sys.argv[1] + "/" + name, "wb") as out:
        out.write(header.bytes())
with open(sys.argv[1] + "/short.gguf", "wb") as out:
    out.write(plain("<").bytes()[:100])
