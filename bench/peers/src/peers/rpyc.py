"""Either end of the RPyC peer: `far SOCKET` serves, `near SOCKET` times what it is told."""
import functools
import math
import sys
import time


def far(path):
    import rpyc
    from rpyc.utils.server import ThreadedServer

    class Far(rpyc.Service):
        def exposed_cos(self, x):
            return math.cos(x)

        def exposed_echo(self, given):
            return given

        def exposed_sort(self, numbers, compare):
            return sorted(numbers, key=functools.cmp_to_key(compare))

    server = ThreadedServer(Far, socket_path=path)
    print("ready", flush=True)
    server.start()


def near(path):
    import rpyc

    root = rpyc.utils.factory.unix_connect(path).root
    for line in sys.stdin:
        what, count = line.split()
        given = b"x" * {"echo4096": 4096, "echo1048576": 1 << 20}.get(what, 0)
        numbers = tuple((at * 7919 + 13) % 10007 for at in range(10000))
        cos, echo = root.cos, root.echo
        times = []
        for _ in range(int(count)):
            begin = time.perf_counter_ns()
            if what == "cos":
                cos(0.5)
            elif what == "batch":
                asked = [rpyc.async_(cos)(0.5) for _ in range(1000)]
                for answer in asked:
                    answer.wait()
            elif what == "sort":
                root.sort(numbers, lambda left, right: (left > right) - (left < right))
            else:
                echo(given)
            times.append(time.perf_counter_ns() - begin)
        print(*times, flush=True)


{"far": far, "near": near}[sys.argv[1]](sys.argv[2])
