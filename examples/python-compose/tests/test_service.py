from fastapi.testclient import TestClient

from orders.platform import about


def test_it_says_who_it_is(client: TestClient) -> None:
    assert client.get("/").json() == {"service": about.NAME, "version": "dev"}
