package io.github.acme.orders.platform;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.ThrowableProxyUtil;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.Map;
import org.springframework.boot.json.JsonWriter;
import org.springframework.boot.logging.structured.JsonWriterStructuredLogFormatter;

/** Each log event as one line of JSON: platform.properties names it to Spring Boot. */
final class LogFormat extends JsonWriterStructuredLogFormatter<ILoggingEvent> {
  static final DateTimeFormatter TIME =
      DateTimeFormatter.ofPattern("uuuu-MM-dd'T'HH:mm:ss.SSS'Z'").withZone(ZoneOffset.UTC);

  LogFormat() {
    super(
        JsonWriter.<ILoggingEvent>of(members -> members.addMapEntries(LogFormat::fields))
            .withNewLineAtEnd());
  }

  private static Map<String, Object> fields(ILoggingEvent event) {
    var fields = new LinkedHashMap<String, Object>();
    fields.put("time", TIME.format(event.getInstant()));
    fields.put("level", level(event.getLevel()));
    fields.put("message", event.getFormattedMessage());
    if (event.getKeyValuePairs() != null) {
      event.getKeyValuePairs().forEach(pair -> fields.putIfAbsent(pair.key, pair.value));
    }
    event.getMDCPropertyMap().forEach(fields::putIfAbsent);
    if (event.getThrowableProxy() != null) {
      fields.put("error", ThrowableProxyUtil.asString(event.getThrowableProxy()).strip());
    }
    return fields;
  }

  private static String level(Level level) {
    return switch (level.toInt()) {
      case Level.ERROR_INT -> "error";
      case Level.WARN_INT -> "warn";
      case Level.INFO_INT -> "info";
      default -> "debug";
    };
  }
}
