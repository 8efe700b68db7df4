package app;

/** What this service is called and where it listens: answers of yours, kept by `copier update`. */
final class About {
  static final String NAME = "orders";
  static final int PORT = 8080;

  private About() {}
}
