package app;

/** Something that the service can't do without. Readiness runs every bean of this kind. */
interface Check {
  String name();

  /** Returns when the dependency answers, else throws; may be interrupted. */
  void run() throws Exception;
}
