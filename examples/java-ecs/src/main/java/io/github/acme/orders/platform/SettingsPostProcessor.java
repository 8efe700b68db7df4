package io.github.acme.orders.platform;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Map;
import org.springframework.boot.EnvironmentPostProcessor;
import org.springframework.boot.SpringApplication;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.env.SystemEnvironmentPropertySource;
import org.springframework.core.io.support.ResourcePropertySource;

/** Gives Spring Boot the settings of the contract, the files of NAME_FILE, and our defaults. */
final class SettingsPostProcessor implements EnvironmentPostProcessor {
  @Override
  public void postProcessEnvironment(
      ConfigurableEnvironment environment, SpringApplication application) {
    var env = System.getenv();
    var sources = environment.getPropertySources();
    var system = StandardEnvironment.SYSTEM_PROPERTIES_PROPERTY_SOURCE_NAME;
    // Before the environment itself, so that no SERVER_PORT contradicts PORT.
    sources.addBefore(system, new MapPropertySource("settings", Settings.from(env)));
    sources.addBefore(system, new Files(env));
    try {
      sources.addLast(new ResourcePropertySource("classpath:platform.properties"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** NAME for each NAME_FILE, read when it is asked for. */
  private static final class Files extends SystemEnvironmentPropertySource {
    private static final String SUFFIX = "_FILE";

    private final Map<String, String> env;

    Files(Map<String, String> env) {
      // By the end of this name Spring Boot knows that STRIPE_KEY means stripe.key, too.
      super("files-systemEnvironment", names(env));
      this.env = env;
    }

    private static Map<String, Object> names(Map<String, String> env) {
      var names = new HashMap<String, Object>();
      env.forEach((name, path) -> {
        if (name.endsWith(SUFFIX) && !path.isEmpty()) {
          names.put(name.substring(0, name.length() - SUFFIX.length()), path);
        }
      });
      return names;
    }

    @Override
    public Object getProperty(String name) {
      var resolved = resolvePropertyName(name);
      return source.containsKey(resolved) ? Settings.value(env, resolved).orElse(null) : null;
    }
  }
}
