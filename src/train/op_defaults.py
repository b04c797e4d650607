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
BINARY = "axis:i=-1 use_mkldnn:b=0 x_data_format:s= y_data_format:s="

# Ops whose OpProto is not in the table: fc's was read off programs that Paddle wrote;
# select_output's has no attributes; the last three are of newer Paddle or of this library.
MORE = [
    ("elementwise_floordiv", "X Y", "Out", BINARY),
    ("elementwise_mod", "X Y", "Out", BINARY),
    ("fc", "Input W Bias?", "Out",
     "in_num_col_dims:i=1 activation_type:s= padding_weights:b=0 use_mkldnn:b=0 "
     "use_quantizer:b=0 Scale_in:f=1 Scale_weights:F=1 Scale_out:f=1 "
     "force_fp32_output:b=0 @ALL_KERNELS_MUST_COMPUTE_RUNTIME_SHAPE@:b=1"),
    ("select_output", "X Mask", "Out", ""),
    ("matmul_v2", "X Y", "Out", "trans_x:b=0 trans_y:b=0"),
    ("flatten_contiguous_range", "X", "Out XShape", "start_axis:i=1 stop_axis:i=1"),
    ("decay", "Grad Param", "Out", "mode:s=l2 coeff:f!"),
]


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
    rows = list(MORE)
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
