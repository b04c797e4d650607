"""Reads a message by a .proto file (proto2, the few things that ours uses) and says
whether Paddle's parser would accept it: required fields are there, wire types fit, what
the file does not know is reported."""
import re
import struct

VARINT = {"int32", "int64", "uint64", "bool", "uint32"}


def parse_proto(text):
    """{message or enum: {number: (label, type, name)}}; enums map to None."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)
    messages, stack = {}, []
    pattern = re.compile(
        r"\s+|"
        r"(message|enum)\s+(\w+)\s*\{|\}|"
        r"(required|optional|repeated)\s+([\w.]+)\s+(\w+)\s*=\s*(\d+)[^;]*;|"
        r"[^;{}]+;")
    for m in pattern.finditer(text):
        if m.group(1):
            stack.append((m.group(2), m.group(1)))
            messages[m.group(2)] = {} if m.group(1) == "message" else None
        elif m.group(0) == "}":
            stack.pop()
        elif m.group(3):
            kind = m.group(4).split(".")[-1]
            messages[stack[-1][0]][int(m.group(6))] = (m.group(3), kind, m.group(5))
    return messages


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            value, at = data[at:at + size], at + size
        elif wire == 2:
            size, at = varint(data, at)
            value, at = data[at:at + size], at + size
            if len(value) != size:
                raise ValueError("the message ends too early")
        else:
            raise ValueError("wire type %d" % wire)
        yield number, wire, value


def check(messages, name, data, where=""):
    """Problems of a message as a list of texts."""
    known, seen, problems = messages[name], set(), []
    for number, wire, value in fields(data):
        if number not in known:
            problems.append("%s%s: unknown field %d" % (where, name, number))
            continue
        label, kind, field = known[number]
        if label != "repeated" and number in seen:
            problems.append("%s%s.%s: there twice" % (where, name, field))
        seen.add(number)
        is_message = messages.get(kind) is not None
        is_enum = kind in messages and messages[kind] is None
        wanted = 0 if kind in VARINT or is_enum else 5 if kind == "float" else \
            1 if kind == "double" else 2
        if wire != wanted:
            problems.append("%s%s.%s: wire type %d" % (where, name, field, wire))
        elif is_message:
            problems += check(messages, kind, value, "%s%s." % (where, name))
        elif kind == "float":
            struct.unpack("<f", value)
    for number, (label, kind, field) in known.items():
        if label == "required" and number not in seen:
            problems.append("%s%s.%s: required, not there" % (where, name, field))
    return problems
