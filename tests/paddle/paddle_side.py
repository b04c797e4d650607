"""paddle_side.py DIR: runs every DIR/<case>/ in PaddlePaddle 1.8 (CPU).

Reads startup.pdmodel, main.pdmodel, job.json (fetches) and feed/V.npy of each case. Runs
startup, writes init/V.npy of every persistable, runs main, writes paddle/V.npy of every
fetch. Exit status 77: Paddle 1.8 is not installed."""
import json
import os
import sys

try:
    import numpy
    import paddle
    import paddle.fluid as fluid
except ImportError as e:
    print("skipped: %s" % e)
    sys.exit(77)

from npy import file_name


def program(path):
    with open(path, "rb") as f:
        return fluid.Program.parse_from_string(f.read())


def is_tensor(var):
    return var.type == fluid.core.VarDesc.VarType.LOD_TENSOR


def dump(folder, name, array):
    if not os.path.isdir(folder):
        os.makedirs(folder)
    numpy.save(os.path.join(folder, file_name(name)), numpy.ascontiguousarray(array))


def feeds(case):
    folder = os.path.join(case, "feed")
    with open(os.path.join(case, "job.json")) as f:
        names = json.load(f)["feeds"]
    return {n: numpy.load(os.path.join(folder, file_name(n))) for n in names}


def run_case(case):
    startup = program(os.path.join(case, "startup.pdmodel"))
    main = program(os.path.join(case, "main.pdmodel"))
    with open(os.path.join(case, "job.json")) as f:
        fetches = json.load(f)["fetches"]
    exe = fluid.Executor(fluid.CPUPlace())
    scope = fluid.Scope()
    with fluid.scope_guard(scope):
        exe.run(startup)
        for var in main.list_vars():
            if var.persistable and is_tensor(var):
                tensor = scope.find_var(var.name).get_tensor()
                dump(os.path.join(case, "init"), var.name, numpy.array(tensor))
        results = exe.run(main, feed=feeds(case), fetch_list=fetches)
    for name, array in zip(fetches, results):
        dump(os.path.join(case, "paddle"), name, array)


def main():
    if not paddle.__version__.startswith("1.8"):
        print("skipped: this is PaddlePaddle %s" % paddle.__version__)
        sys.exit(77)
    failed = 0
    for name in sorted(os.listdir(sys.argv[1])):
        case = os.path.join(sys.argv[1], name)
        if not os.path.exists(os.path.join(case, "job.json")):
            continue
        try:
            run_case(case)
        except Exception as e:  # a program that Paddle refuses is a finding, not an end
            print("PADDLE REFUSES %s: %s" % (name, str(e).strip().splitlines()[-1]))
            failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
