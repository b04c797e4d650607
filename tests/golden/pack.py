#!/usr/bin/env python3
"""Packs recorded cases into one zip each, with the same bytes every time.

    tests/golden/pack.py FOLDER [CASE...]

FOLDER holds one folder per case (case.json, programs, init/, step_NNN/, final/).
Each becomes tests/golden/CASE.zip: names sorted, dates fixed, deflated, the files
at the top of the archive. Needs nothing but Python 3.
"""
import os
import sys
import zipfile

DATE = (2020, 1, 1, 0, 0, 0)


def files_of(folder):
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in files:
            path = os.path.join(root, name)
            yield os.path.relpath(path, folder).replace(os.sep, "/"), path


def pack(folder, target):
    side = target + ".tmp"
    with zipfile.ZipFile(side, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, path in sorted(files_of(folder)):
            info = zipfile.ZipInfo(name, DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            with open(path, "rb") as f:
                archive.writestr(info, f.read())
    os.replace(side, target)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    source = sys.argv[1]
    here = os.path.dirname(os.path.abspath(__file__))
    cases = sys.argv[2:] or sorted(
        c for c in os.listdir(source) if os.path.isfile(os.path.join(source, c, "case.json")))
    total = 0
    for case in cases:
        target = os.path.join(here, case + ".zip")
        pack(os.path.join(source, case), target)
        total += os.path.getsize(target)
    print(f"{len(cases)} cases, {total / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
