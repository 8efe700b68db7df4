"""What this service is called and where it listens: answers of yours, which `copier update` keeps."""

NAME = "orders"
PORT = 8000
