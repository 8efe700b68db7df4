package app;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.webmvc.autoconfigure.WebMvcObservationAutoConfiguration;
import org.springframework.boot.webmvc.autoconfigure.error.ErrorMvcAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.env.MapPropertySource;
import org.springframework.core.env.StandardEnvironment;

/**
 * The way in. RequestFilter counts requests and ErrorValve answers errors, hence the exclusions.
 */
@SpringBootApplication(
    exclude = {ErrorMvcAutoConfiguration.class, WebMvcObservationAutoConfiguration.class})
class Application {
  private static final Logger log = LoggerFactory.getLogger(Application.class);

  public static void main(String[] args) {
    Thread.setDefaultUncaughtExceptionHandler((_, e) -> log.error("thread failed", e));
    // The JVM answers SIGTERM with 143; a stop that was asked for ends with 0.
    SpringApplication.getShutdownHandlers().add(() -> exit(0));
    try {
      start(Settings.from(System.getenv()));
      log.info("started");
    } catch (SettingException e) {
      log.atError().addKeyValue("error", e.getMessage()).log("bad settings");
      exit(1);
    } catch (RuntimeException e) {
      exit(1); // Spring Boot has logged the reason.
    }
  }

  static ConfigurableApplicationContext start(Settings settings) {
    // First, so that no other source, such as a variable SERVER_PORT, gets its way.
    var environment = new StandardEnvironment();
    environment
        .getPropertySources()
        .addFirst(new MapPropertySource("settings", settings.springProperties()));

    var application = new SpringApplication(Application.class);
    application.setEnvironment(environment);
    application.addInitializers(
        context -> context.getBeanFactory().registerSingleton("settings", settings));
    return application.run();
  }

  private static void exit(int status) {
    Runtime.getRuntime().halt(status);
  }
}
