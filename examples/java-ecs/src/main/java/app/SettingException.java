package app;

/** A setting that can't be used. Holds no value: it might be a secret. */
class SettingException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  SettingException(String setting, String expected) {
    super(setting + ": expected " + expected);
  }
}
