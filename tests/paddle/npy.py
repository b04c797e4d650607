"""Arrays in .npy files with the standard library alone: (dtype, shape, flat list)."""
import ast
import struct

CODES = {"<f4": "f", "<f8": "d", "<i4": "i", "<i8": "q", "<i2": "h", "|u1": "B",
         "|i1": "b", "|b1": "?"}


def parse(data):
    if data[:6] != b"\x93NUMPY":
        raise ValueError("no .npy file")
    size = struct.unpack("<H", data[8:10])[0]
    start = 10
    if data[6] > 1:
        size = struct.unpack("<I", data[8:12])[0]
        start = 12
    header = ast.literal_eval(data[start:start + size].decode("latin1").strip())
    if header["fortran_order"]:
        raise ValueError("Fortran order")
    code = CODES[header["descr"]]
    body = data[start + size:]
    n = 1
    for extent in header["shape"]:
        n *= extent
    values = struct.unpack("<%d%s" % (n, code), body[:n * struct.calcsize("<" + code)])
    return header["descr"], tuple(header["shape"]), list(values)


def load(path):
    with open(path, "rb") as f:
        return parse(f.read())


def save(path, descr, shape, values):
    text = repr({"descr": descr, "fortran_order": False, "shape": tuple(shape)})
    pad = -(10 + len(text) + 1) % 64
    text = (text + " " * pad + "\n").encode("latin1")
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text)
        f.write(struct.pack("<%d%s" % (len(values), CODES[descr]), *values))


def file_name(variable):
    """As the recorded cases name files: % and / are escaped."""
    return variable.replace("%", "%25").replace("/", "%2F") + ".npy"
