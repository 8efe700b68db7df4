from fastapi.testclient import TestClient


def test_it_says_who_it_is(client: TestClient) -> None:
    assert client.get("/").json() == {"service": "orders", "version": "dev"}
