package app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;

/** Asks the running service, as its callers do. */
@ExtendWith(OutputCaptureExtension.class)
class ServiceTest {
  private static final String UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";

  private static HttpClient client;
  private static ConfigurableApplicationContext service;

  @BeforeAll
  static void start() {
    client = HttpClient.newHttpClient();
    service = Application.start(new Settings(0, "debug", "1.2.3", Optional.empty()));
  }

  @AfterAll
  static void stop() {
    service.close();
    client.close();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "GET     | /        | 200 | {\"service\":\"%s\",\"version\":\"1.2.3\"}",
        "GET     | /healthz | 200 | {\"status\":\"ok\"}",
        "GET     | /readyz  | 200 | {\"status\":\"ready\",\"checks\":{}}",
        "GET     | /nope    | 404 | {\"error\":\"not found\"}",
        "POST    | /healthz | 404 | {\"error\":\"not found\"}",
        "OPTIONS | /healthz | 404 | {\"error\":\"not found\"}",
        "GET     | /fail/1  | 500 | {\"error\":\"internal server error\"}",
        "GET     | /fail/x  | 400 | {\"error\":\"bad request\"}",
        "GET     | /%00     | 400 | {\"error\":\"bad request\"}",
      })
  void answersInJson(String method, String path, int status, String body) throws Exception {
    var answer = send(service, method, path, "Accept", "text/html");

    assertThat(answer.statusCode()).isEqualTo(status);
    assertThat(answer.body()).isEqualTo(body.replace("%s", About.NAME));
    assertThat(answer.headers().firstValue("Content-Type")).hasValue("application/json");
    assertThat(answer.headers().firstValue("X-Request-ID").orElse("")).matches(UUID);
  }

  @Test
  void keepsTheRequestIdOfTheCaller() throws Exception {
    var answer = send(service, "GET", "/", "X-Request-ID", "Abc-1.2_3");

    assertThat(answer.headers().firstValue("X-Request-ID")).hasValue("Abc-1.2_3");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a b", "a/b", ""})
  void replacesABadRequestId(String id) throws Exception {
    var answer = send(service, "GET", "/", "X-Request-ID", id);

    assertThat(answer.headers().firstValue("X-Request-ID").orElse("")).matches(UUID);
  }

  @Test
  void replacesALongRequestId() {
    assertThat(RequestFilter.requestId("a".repeat(128))).hasSize(128);
    assertThat(RequestFilter.requestId("a".repeat(129))).matches(UUID);
  }

  @Test
  void countsRequestsByPattern() throws Exception {
    send(service, "BREW", "/pot/1", "Accept", "*/*");
    send(service, "GET", "/fail/2", "Accept", "*/*");

    var metrics = send(service, "GET", "/metrics", "Accept", "*/*").body();
    assertThat(metrics)
        .contains("http_requests_total{method=\"OTHER\",route=\"unmatched\",status=\"404\"} 1.0")
        .contains("http_requests_total{method=\"GET\",route=\"/fail/{id}\",status=\"500\"}")
        .contains("http_request_duration_seconds_bucket{", "le=\"0.005\"", "le=\"10.0\"")
        .doesNotContain("/pot", "http_server_requests");
  }

  @Test
  void logsEachRequestOnce(CapturedOutput output) throws Exception {
    send(service, "GET", "/fail/3", "X-Request-ID", "log-test-1");
    send(service, "GET", "/healthz", "X-Request-ID", "log-test-2");

    // A line is written after its answer has left.
    await().until(() -> output.getOut().contains("log-test-2"));
    var lines = output.getOut().lines().filter(line -> line.contains("log-test")).toList();
    assertThat(lines).hasSize(2);
    assertThat(lines.getFirst())
        .contains("\"level\":\"error\",\"message\":\"request\",\"method\":\"GET\"")
        .contains("\"route\":\"/fail/{id}\",\"status\":500,\"duration_ms\":")
        .contains("\"error\":\"java.lang.IllegalStateException: no luck");
    assertThat(lines.getLast()).contains("\"level\":\"debug\"", "\"route\":\"/healthz\"");
  }

  @Test
  void isNotReadyWithoutItsDatabase() throws Exception {
    var database = new Settings.Database("jdbc:postgresql://127.0.0.1:1/none", "nobody", "");
    var settings = new Settings(0, "debug", "dev", Optional.of(database));

    try (var other = Application.start(settings)) {
      var answer = send(other, "GET", "/readyz", "Accept", "*/*");

      assertThat(answer.statusCode()).isEqualTo(503);
      assertThat(answer.body())
          .isEqualTo("{\"status\":\"unavailable\",\"checks\":{\"database\":\"failed\"}}");
      assertThat(send(other, "GET", "/healthz", "Accept", "*/*").statusCode()).isEqualTo(200);
    }
  }

  private static HttpResponse<String> send(
      ConfigurableApplicationContext to, String method, String path, String header, String value)
      throws IOException, InterruptedException {
    var port = to.getEnvironment().getProperty("local.server.port");
    var request =
        HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + path))
            .method(method, BodyPublishers.noBody())
            .header(header, value)
            .build();
    return client.send(request, BodyHandlers.ofString());
  }
}
