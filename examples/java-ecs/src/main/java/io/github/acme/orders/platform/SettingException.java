package io.github.acme.orders.platform;

/** A setting that the service can't start with. Never holds the value, which may be a secret. */
final class SettingException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  SettingException(String name, String expected) {
    super(name + ": expected " + expected);
  }
}
