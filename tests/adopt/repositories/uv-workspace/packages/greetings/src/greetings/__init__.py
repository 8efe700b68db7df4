def hello():
    return "orders\n"
