package app;

import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Everything that can be set from outside, read once at the start. */
record Settings(int port, String logLevel, String version, Optional<Database> database) {

  /** Where the database is, as JDBC wants it. */
  record Database(String url, String user, String password) {
    @Override
    public String toString() {
      return url;
    }
  }

  static Settings from(Map<String, String> env) {
    var password = read(env, "DATABASE_PASSWORD").orElse("");
    return new Settings(
        port(env),
        logLevel(env),
        read(env, "VERSION").orElse("dev"),
        read(env, "DATABASE_URL").map(url -> database(url, password)));
  }

  static int port(Map<String, String> env) {
    var value = read(env, "PORT").orElse(Integer.toString(About.PORT));
    // Digits only: parseInt takes signs and other scripts, too.
    if (value.matches("[0-9]{4,5}")) {
      int port = Integer.parseInt(value);
      if (port >= 1025 && port <= 65535) {
        return port;
      }
    }
    throw new SettingException("PORT", "a whole number from 1025 to 65535");
  }

  private static String logLevel(Map<String, String> env) {
    var value = read(env, "LOG_LEVEL").orElse("info");
    if (!List.of("debug", "info", "warn", "error").contains(value)) {
      throw new SettingException("LOG_LEVEL", "debug, info, warn or error");
    }
    return value;
  }

  private static Database database(String value, String password) {
    try {
      var url = new URI(value);
      var user = url.getUserInfo();
      var query = url.getRawQuery() == null ? "" : "?" + url.getRawQuery();
      var hasName = url.getPath() != null && url.getPath().length() > 1;
      if ("postgresql".equals(url.getScheme())
          && url.getHost() != null
          && user != null
          && !user.contains(":")
          && hasName
          && !query.contains("password=")) {
        var port = url.getPort() == -1 ? 5432 : url.getPort();
        var jdbc = "jdbc:postgresql://" + url.getHost() + ":" + port + url.getRawPath() + query;
        return new Database(jdbc, user, password);
      }
    } catch (URISyntaxException e) {
      // Its message holds the value: refused below, like the others.
    }
    throw new SettingException("DATABASE_URL", "postgresql://user@host:5432/name, no password");
  }

  /** The value of NAME, or what stands in the file that NAME_FILE points to. */
  private static Optional<String> read(Map<String, String> env, String name) {
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

  /** The same for Spring Boot, which sets up the server, the log levels and the database pool. */
  Map<String, Object> springProperties() {
    var properties = new HashMap<String, Object>();
    properties.put("spring.application.name", About.NAME);
    properties.put("server.port", port);
    // The level is for the service's own code; libraries speak up from `warn` on.
    properties.put("logging.level.root", logLevel.equals("error") ? "error" : "warn");
    properties.put("logging.level." + getClass().getPackageName(), logLevel);
    database.ifPresentOrElse(
        db -> {
          properties.put("spring.datasource.url", db.url());
          properties.put("spring.datasource.username", db.user());
          properties.put("spring.datasource.password", db.password());
        },
        () ->
            properties.put(
                "spring.autoconfigure.exclude",
                "org.springframework.boot.jdbc.autoconfigure.DataSourceAutoConfiguration"));
    return properties;
  }
}
