"""Eight clients that have sent the head of a request, and send its body once the service takes no connections any more.

Each knows that its request is taken, by the answer 100. Tells the statuses of the answers, or what was there instead."""
import json
import socket
import sys
import time

host, port, token = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def begin(number):
    body = json.dumps({"name": f"Miel {number}", "price": 1, "stock": number, "category": "prueba"}).encode()
    head = (f"POST /products HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nExpect: 100-continue\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
    connection = socket.create_connection((host, port), timeout=20)
    connection.sendall(head.encode())
    said = connection.recv(4096)
    assert said == b"HTTP/1.1 100 Continue\r\n\r\n", said
    return connection, body


def is_listening():
    try:
        socket.create_connection((host, port), timeout=1).close()
        return True
    except OSError:
        return False


def finish(connection, body):
    """The status of a whole answer."""
    try:
        connection.sendall(body)
        said = b""
        while part := connection.recv(65536):
            said += part
        head, _, rest = said.partition(b"\r\n\r\n")
        json.loads(rest)
        return int(head.split()[1])
    except (OSError, ValueError, IndexError) as error:
        return repr(error)


clients = [begin(number) for number in range(8)]
print("taken", flush=True)
deadline = time.monotonic() + 20
while is_listening():
    assert time.monotonic() < deadline, "it goes on listening"
    time.sleep(0.005)
print(json.dumps([finish(*client) for client in clients]))
