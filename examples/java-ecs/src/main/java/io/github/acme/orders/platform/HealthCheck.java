package io.github.acme.orders.platform;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;

/** The image's HEALTHCHECK: a program of its own that asks the running service. */
final class HealthCheck {
  private static final int LIMIT_MILLIS = 8000;

  private HealthCheck() {}

  public static void main(String[] args) {
    int port = Settings.port(System.getenv());
    // By number: a name would be looked up. Where the machine has no IPv6 the first fails at once.
    var isHealthy = asks("::1", port) || asks("127.0.0.1", port);
    Runtime.getRuntime().halt(isHealthy ? 0 : 1);
  }

  private static boolean asks(String host, int port) {
    try (var socket = new Socket()) {
      socket.setSoTimeout(LIMIT_MILLIS);
      socket.connect(new InetSocketAddress(InetAddress.getByName(host), port), LIMIT_MILLIS);
      var request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      var answer = new String(socket.getInputStream().readNBytes(12), StandardCharsets.US_ASCII);
      return answer.equals("HTTP/1.1 200");
    } catch (IOException e) {
      return false;
    }
  }
}
