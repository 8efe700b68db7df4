package io.github.acme.orders.platform;

import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.core.instrument.config.MeterFilter;
import org.apache.catalina.core.StandardHost;
import org.apache.coyote.http11.AbstractHttp11Protocol;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.jackson.autoconfigure.JsonFactoryBuilderCustomizer;
import org.springframework.boot.jackson.autoconfigure.JsonMapperBuilderCustomizer;
import org.springframework.boot.opentelemetry.autoconfigure.logging.OpenTelemetryLoggingAutoConfiguration;
import org.springframework.boot.opentelemetry.autoconfigure.logging.otlp.OtlpLoggingAutoConfiguration;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.boot.webmvc.autoconfigure.error.ErrorMvcAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import tools.jackson.core.TokenStreamFactory;
import tools.jackson.databind.cfg.CoercionAction;
import tools.jackson.databind.cfg.CoercionInputShape;
import tools.jackson.databind.type.LogicalType;

/** What of Tomcat no property of Spring Boot sets. */
@Configuration(proxyBeanMethods = false)
@EnableAutoConfiguration(
    exclude = {
      ErrorMvcAutoConfiguration.class, // ErrorValve answers
      OpenTelemetryLoggingAutoConfiguration.class, // logs go to stdout
      OtlpLoggingAutoConfiguration.class
    })
class WebConfiguration {
  @Bean
  WebServerFactoryCustomizer<TomcatServletWebServerFactory> platform(MeterRegistry registry) {
    return tomcat -> {
      tomcat.setProtocol(HttpProtocol.class.getName());
      tomcat.addProtocolHandlerCustomizers((AbstractHttp11Protocol<?> http) -> {
        // A time of its own for each part of a body; Limits has that for all of it.
        http.setDisableUploadTimeout(false);
        http.setConnectionUploadTimeout(30_000);
      });
      tomcat.addEngineValves(new RequestValve(registry));
      tomcat.addContextCustomizers(context ->
          ((StandardHost) context.getParent())
              .setErrorReportValveClass(ErrorValve.class.getName()));
    };
  }

  /** Tells which version runs. */
  @Bean
  MeterBinder build(@Value("${service.version}") String version) {
    return registry ->
        Gauge.builder("build.info", () -> 1)
            .description("The version that runs.")
            .tag("version", version)
            .register(registry);
  }

  /** Logback's events are the lines of the log, which every service counts under this name. */
  @Bean
  MeterFilter lines() {
    return new MeterFilter() {
      @Override
      public Meter.Id map(Meter.Id id) {
        return id.getName().equals("logback.events")
            ? id.withName("log.lines").withBaseUnit(null)
            : id;
      }
    };
  }

  /** JSON is UTF-8: Jackson would guess UTF-16 and UTF-32, too. */
  @Bean
  JsonFactoryBuilderCustomizer utf8Alone() {
    return json -> json.disable(TokenStreamFactory.Feature.CHARSET_DETECTION);
  }

  /** A text is a text: Jackson would make one of a number, too. */
  @Bean
  JsonMapperBuilderCustomizer strictTexts() {
    return json ->
        json.withCoercionConfig(
            LogicalType.Textual,
            texts ->
                texts
                    .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail)
                    .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                    .setCoercion(CoercionInputShape.Integer, CoercionAction.Fail));
  }
}
