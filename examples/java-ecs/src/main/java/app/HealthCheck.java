package app;

import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;

/** The image's HEALTHCHECK: a program of its own that asks the running service. */
class HealthCheck {
  private static final int LIMIT_MILLIS = 2000;

  public static void main(String[] args) {
    System.exit(isHealthy() ? 0 : 1);
  }

  private static boolean isHealthy() {
    try {
      var url = URI.create("http://127.0.0.1:" + Settings.port(System.getenv()) + "/healthz");
      var connection = (HttpURLConnection) url.toURL().openConnection();
      connection.setConnectTimeout(LIMIT_MILLIS);
      connection.setReadTimeout(LIMIT_MILLIS);
      return connection.getResponseCode() == 200;
    } catch (IOException | SettingException e) {
      return false;
    }
  }
}
