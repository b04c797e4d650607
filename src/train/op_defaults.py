#!/usr/bin/env python3
"""Writes op_defaults.c from a table of Fluid 1.8's OpProtos (tab-separated: type,
inputs, outputs, attributes). Use: op_defaults.py OP_PROTOS.tsv > op_defaults.c

One line per op type: required slots by name, optional ones with '?'; attributes as
name:kind=default, or name:kind! where Fluid has no default. Kinds: i int, l long,
b bool, f float, s string, B block, and I L F S the lists."""
import re
import sys

KINDS = {"int": "i", "long": "l", "boolean": "b", "float": "f", "string": "s",
         "block": "B", "ints": "I", "longs": "L", "floats": "F", "strings": "S",
         "booleans": "O"}


def attribute(text):
    name, kind, rest = re.match(r"([^:]+):(\w+)(.*)$", text).groups()
    if kind not in KINDS:
        raise ValueError(text)
    if rest == "!" or rest == "" or rest.startswith("(seen"):
        return f"{name}:{KINDS[kind]}!"
    value = rest[1:]
    value = {"False": "0", "True": "1", '""': ""}.get(value, value).strip("[]")
    return f"{name}:{KINDS[kind]}={value}"


def slots(text):
    return " ".join(w.replace("[]", "").replace("~", "") for w in text.split())


def main():
    rows = []
    for line in open(sys.argv[1], encoding="utf-8"):
        if line.startswith("#") or "(gradient op" in line.split("\t")[0]:
            continue
        fields = (line.rstrip("\n").split("\t") + ["", "", ""])[:4]
        text = re.sub(r" \(seen ([^)]*)\)", "(seen)", fields[3])
        attrs = " ".join(attribute(w) for w in text.split())
        rows.append((fields[0], slots(fields[1]), slots(fields[2]), attrs))
    print("/* Slots, attributes and their defaults as Fluid 1.8.5's OpProtos have them.\n"
          " * Written by op_defaults.py; not edited by hand. */")
    print('#include "train/op_defaults.h"\n')
    print("const frti_op_default_t frti_op_defaults[] = {")
    for row in sorted(rows):
        words = ", ".join('"%s"' % f for f in row[:3])
        if len(words) > 84:
            words = ",\n     ".join('"%s"' % f for f in row[:3])
        attrs, lines = row[3].split(), [""]
        for word in attrs:
            if len(lines[-1]) + len(word) > 84:
                lines.append("")
            lines[-1] += word + " "
        body = "\n     ".join('"%s"' % x for x in lines)
        body = body[:-2].rstrip() + '"' if lines[-1] else body
        print(f"    {{{words},\n     {body}}},")
    print("};\nconst size_t frti_n_op_defaults = sizeof frti_op_defaults / "
          "sizeof frti_op_defaults[0];")


main()
