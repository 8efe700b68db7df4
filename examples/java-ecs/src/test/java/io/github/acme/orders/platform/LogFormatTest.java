package io.github.acme.orders.platform;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.LoggingEvent;
import java.time.Instant;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.slf4j.event.KeyValuePair;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class LogFormatTest {
  private static final JsonMapper JSON = new JsonMapper();

  @Test
  void writesOneLineWithTheFieldsOfTheContract() {
    var line = format(Level.INFO, null);

    assertThat(line).endsWith("}\n").hasLineCount(1);
    JsonNode log = JSON.readTree(line);
    assertThat(log.propertyNames())
        .containsExactly("time", "level", "message", "status", "request_id");
    assertThat(log.get("time").stringValue()).isEqualTo("2026-01-31T12:00:00.000Z");
    assertThat(log.get("level").stringValue()).isEqualTo("info");
    assertThat(log.get("message").stringValue()).isEqualTo("a \"b\"\nc");
    assertThat(log.get("status").isNumber()).isTrue();
  }

  @Test
  void writesTextAndStackOfAnException() {
    JsonNode log = JSON.readTree(format(Level.TRACE, new IllegalStateException("no luck")));

    assertThat(log.get("level").stringValue()).isEqualTo("debug");
    assertThat(log.get("error").stringValue())
        .startsWith("java.lang.IllegalStateException: no luck\n")
        .contains("LogFormatTest.java");
  }

  private static String format(Level level, Throwable failure) {
    var logger = new LoggerContext().getLogger("test");
    var event = new LoggingEvent("", logger, level, "a \"{}\"\nc", failure, new Object[] {"b"});
    event.setInstant(Instant.parse("2026-01-31T12:00:00Z"));
    event.addKeyValuePair(new KeyValuePair("status", 200));
    event.addKeyValuePair(new KeyValuePair("level", "not this one"));
    event.setMDCPropertyMap(Map.of("request_id", "abc"));
    return new LogFormat().format(event);
  }
}
