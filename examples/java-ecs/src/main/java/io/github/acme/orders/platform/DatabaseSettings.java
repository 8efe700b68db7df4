package io.github.acme.orders.platform;

import com.zaxxer.hikari.HikariCredentialsProvider;
import com.zaxxer.hikari.util.Credentials;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;

/** DATABASE_URL, which is libpq's, as JDBC has it. */
public final class DatabaseSettings implements HikariCredentialsProvider {
  private static final String URL = "DATABASE_URL";
  private static final Set<String> MODES =
      Set.of("disable", "prefer", "require", "verify-ca", "verify-full");

  /** Asked for each new connection: so a password that was rotated needs no restart. */
  @Override
  public Credentials getCredentials() {
    var env = System.getenv();
    var user = Settings.value(env, URL).map(url -> parse(url).getRawUserInfo()).orElse("");
    return Credentials.of(decode(user), Settings.value(env, "DATABASE_PASSWORD").orElse(""));
  }

  static Map<String, Object> from(Map<String, String> env) {
    var properties = new HashMap<String, Object>();
    Settings.value(env, "DATABASE_PASSWORD");
    var expected = "a whole number from 1 to 100";
    Settings.read(env, "DATABASE_POOL_SIZE", "[1-9][0-9]?|100", expected)
        .ifPresent(size -> properties.put("spring.datasource.hikari.maximum-pool-size", size));
    var url = Settings.value(env, URL);
    properties.put("service.database", url.isPresent());
    url.ifPresent(value -> properties.put("spring.datasource.url", jdbc(parse(value))));
    return properties;
  }

  private static URI parse(String value) {
    try {
      var url = new URI(value);
      var user = url.getRawUserInfo();
      if (Set.of("postgresql", "postgres").contains(String.valueOf(url.getScheme()))
          && url.getHost() != null
          && user != null
          && user.matches("[^:]+")
          && String.valueOf(url.getRawPath()).matches("/[^/]+")
          && url.getRawFragment() == null) {
        return url;
      }
    } catch (URISyntaxException e) {
      // Its message holds the value: refused below, like the others.
    }
    throw new SettingException(URL, "postgresql://user@host:5432/name, without a password");
  }

  private static String jdbc(URI url) {
    var parameters = parameters(url);
    var mode = parameters.getOrDefault("sslmode", "prefer");
    var authority = parameters.get("sslrootcert");
    var verifies = mode.startsWith("verify-");
    if (!MODES.contains(mode)
        || !Set.of("sslmode", "sslrootcert").containsAll(parameters.keySet())
        || authority != null && !verifies) {
      throw new SettingException(
          URL, "no parameter but sslmode (" + String.join(", ", MODES) + ") and sslrootcert");
    }
    if (authority != null && !Files.isReadable(Path.of(authority))) {
      throw new SettingException(URL, "the path of a readable file in sslrootcert");
    }
    var port = url.getPort() == -1 ? 5432 : url.getPort();
    var tls =
        authority == null
            ? verifies ? "&sslfactory=org.postgresql.ssl.DefaultJavaSSLFactory" : ""
            : "&sslrootcert=" + URLEncoder.encode(authority, StandardCharsets.UTF_8);
    return "jdbc:postgresql://%s:%d%s?sslmode=%s%s"
        .formatted(url.getHost(), port, url.getRawPath(), mode, tls);
  }

  private static Map<String, String> parameters(URI url) {
    var parameters = new HashMap<String, String>();
    var query = url.getRawQuery() == null ? "" : url.getRawQuery();
    for (var pair : query.split("&", 0)) {
      if (!pair.isEmpty()) {
        var parts = pair.split("=", 2);
        parameters.put(parts[0], parts.length == 1 ? "" : decode(parts[1]));
      }
    }
    return parameters;
  }

  private static String decode(String text) {
    return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
  }
}
