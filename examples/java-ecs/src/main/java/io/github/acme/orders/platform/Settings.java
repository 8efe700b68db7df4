package io.github.acme.orders.platform;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What the environment sets, checked, as properties of Spring Boot. */
final class Settings {
  static final int PORT = 8080;

  // Left out without a receiver, so that traces cost nothing then.
  private static final List<String> TRACES =
      List.of(
          "net.ttddyy.observation.boot.autoconfigure.DataSourceObservationAutoConfiguration",
          "org.springframework.boot.micrometer.tracing.autoconfigure.MicrometerTracingAutoConfiguration",
          "org.springframework.boot.micrometer.tracing.autoconfigure.NoopTracerAutoConfiguration",
          "org.springframework.boot.micrometer.tracing.autoconfigure.prometheus.PrometheusExemplarsAutoConfiguration",
          "org.springframework.boot.micrometer.tracing.opentelemetry.autoconfigure.OpenTelemetryTracingAutoConfiguration",
          "org.springframework.boot.micrometer.tracing.opentelemetry.autoconfigure.otlp.OtlpTracingAutoConfiguration",
          "org.springframework.boot.opentelemetry.autoconfigure.OpenTelemetrySdkAutoConfiguration");

  private Settings() {}

  static Map<String, Object> from(Map<String, String> env) {
    var level =
        read(env, "LOG_LEVEL", "debug|info|warn|error", "debug, info, warn or error")
            .orElse("info");
    var properties = new HashMap<String, Object>();
    properties.put("server.port", port(env));
    // For the service's own code; libraries speak up from `warn` on.
    var own = Settings.class.getPackageName().replaceFirst("[.]platform$", "");
    properties.put("logging.level." + own, level);
    properties.put("logging.level.root", level.equals("error") ? level : "warn");
    properties.put("service.version", value(env, "VERSION").orElse("dev"));
    var receiver =
        read(
            env,
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "https?://[^/?#\\s]+(/\\S*)?",
            "a URL, as http://collector:4318");
    properties.put("service.traces", receiver.isPresent());
    if (receiver.isEmpty()) {
      properties.put("spring.autoconfigure.exclude", TRACES);
    }
    properties.putAll(DatabaseSettings.from(env));
    return properties;
  }

  static int port(Map<String, String> env) {
    var expected = "a whole number from 1025 to 65535";
    int port = read(env, "PORT", "[0-9]{4,5}", expected).map(Integer::parseInt).orElse(PORT);
    if (port < 1025 || port > 65535) {
      throw new SettingException("PORT", expected);
    }
    return port;
  }

  static Optional<String> read(
      Map<String, String> env, String name, String pattern, String expected) {
    var value = value(env, name);
    if (value.isPresent() && !value.get().matches(pattern)) {
      throw new SettingException(name, expected);
    }
    return value;
  }

  /** The value of NAME, or what stands in the file that NAME_FILE points to. */
  static Optional<String> value(Map<String, String> env, String name) {
    var value = env.getOrDefault(name, "");
    var file = env.getOrDefault(name + "_FILE", "");
    if (!value.isEmpty() && !file.isEmpty()) {
      throw new SettingException(name, "either " + name + " or " + name + "_FILE, not both");
    }
    if (!file.isEmpty()) {
      try {
        value = Files.readString(Path.of(file)).stripTrailing();
      } catch (IOException | RuntimeException e) {
        throw new SettingException(name + "_FILE", "the path of a readable text file");
      }
    }
    return Optional.of(value).filter(v -> !v.isEmpty());
  }
}
