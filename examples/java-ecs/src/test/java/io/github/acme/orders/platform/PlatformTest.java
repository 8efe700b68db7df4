package io.github.acme.orders.platform;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.context.TestConfiguration;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.boot.test.web.server.LocalServerPort;
import org.springframework.context.annotation.Import;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/** Asks the running service, as its callers do. */
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT)
@Import(PlatformTest.Routes.class)
@ExtendWith(OutputCaptureExtension.class)
class PlatformTest {
  private static final String UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";

  @TestConfiguration
  @RestController
  static class Routes {
    @GetMapping("/fail/{id}")
    String fail(@PathVariable int id) {
      throw new IllegalStateException("no luck");
    }

    @GetMapping("/gone")
    String gone() {
      throw new ResponseStatusException(HttpStatus.GONE, "Order 7 of ACME Ltd has gone.");
    }

    @PostMapping("/length")
    int length(@RequestBody String text) {
      return text.length();
    }
  }

  @LocalServerPort int port;

  private final HttpClient client = HttpClient.newHttpClient();

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "GET    | /healthz  | 200 | {\"status\":\"ok\"}",
        "GET    | /readyz   | 200 | {\"status\":\"ready\",\"checks\":{}}",
      })
  void answersProbes(String method, String path, int status, String body) throws Exception {
    var answer = send(method, path, "Accept", "*/*");

    assertThat(answer.statusCode()).isEqualTo(status);
    assertThat(answer.body()).isEqualTo(body);
    assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/json");
  }

  @ParameterizedTest
  @CsvSource({
    "GET, /nope, 404, Not Found",
    "GET, /healthz/, 404, Not Found",
    "POST, /healthz, 405, Method Not Allowed",
    "GET, /fail/1, 500, Internal Server Error",
    "GET, /fail/x, 404, Not Found",
    "GET, /%00, 400, Bad Request",
  })
  void answersErrorsInOneForm(String method, String path, int status, String title)
      throws Exception {
    var answer = send(method, path, "Accept", "text/html");

    assertThat(answer.statusCode()).isEqualTo(status);
    assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/problem+json");
    assertThat(answer.body())
        .isEqualTo(
            "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d}".formatted(title, status));
    assertThat(answer.headers().firstValue("X-Request-ID").orElse("")).matches(UUID);
  }

  @Test
  void keepsTheTextOfAnOwnersError() throws Exception {
    assertThat(send("GET", "/gone", "Accept", "*/*").body())
        .contains("\"status\":410", "\"detail\":\"Order 7 of ACME Ltd has gone.\"");
  }

  @Test
  void refusesALongBody() throws Exception {
    assertThat(post("/length", "x".repeat(1 << 20)).body()).isEqualTo("1048576");
    assertThat(post("/length", "x".repeat((1 << 20) + 1)).statusCode()).isEqualTo(413);
  }

  @Test
  void keepsTheRequestIdOfTheCaller() throws Exception {
    var answer = send("GET", "/healthz", "X-Request-ID", "Abc-1.2_3");

    assertThat(answer.headers().firstValue("X-Request-ID")).hasValue("Abc-1.2_3");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a b", "a/b", ""})
  void replacesABadRequestId(String id) {
    assertThat(RequestValve.requestId(id)).matches(UUID);
    assertThat(RequestValve.requestId("a".repeat(128))).hasSize(128);
    assertThat(RequestValve.requestId("a".repeat(129))).matches(UUID);
  }

  @Test
  void countsRequestsByPattern() throws Exception {
    send("BREW", "/pot/1", "Accept", "*/*");
    send("GET", "/fail/2", "Accept", "*/*");

    assertThat(send("GET", "/metrics", "Accept", "*/*").body())
        .contains("http_requests_total{method=\"OTHER\",route=\"unmatched\",status=\"404\"}")
        .contains("http_requests_total{method=\"GET\",route=\"/fail/{id}\",status=\"500\"}")
        .contains("http_request_duration_seconds_bucket{", "le=\"0.005\"", "le=\"10.0\"")
        .doesNotContain("/pot", "http_server_requests");
  }

  @Test
  void logsEachRequestOnce(CapturedOutput output) throws Exception {
    send("GET", "/fail/3", "X-Request-ID", "log-test");

    await().until(() -> output.getOut().contains("log-test"));
    assertThat(output.getOut().lines().filter(line -> line.contains("log-test")))
        .singleElement()
        .asString()
        .contains("\"level\":\"error\",\"message\":\"request\",\"method\":\"GET\"")
        .contains("\"route\":\"/fail/{id}\",\"status\":500,\"duration_ms\":")
        .contains("\"error\":\"java.lang.IllegalStateException: no luck");
  }

  private HttpResponse<String> send(String method, String path, String header, String value)
      throws IOException, InterruptedException {
    return send(request(path).method(method, BodyPublishers.noBody()).header(header, value));
  }

  private HttpResponse<String> post(String path, String body)
      throws IOException, InterruptedException {
    return send(
        request(path).POST(BodyPublishers.ofString(body)).header("Content-Type", "text/plain"));
  }

  private HttpRequest.Builder request(String path) {
    return HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path));
  }

  private HttpResponse<String> send(HttpRequest.Builder request)
      throws IOException, InterruptedException {
    return client.send(request.build(), BodyHandlers.ofString());
  }
}
