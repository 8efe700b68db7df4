package io.github.acme.orders.platform;

import io.micrometer.observation.ObservationPredicate;
import io.micrometer.tracing.otel.bridge.Slf4JEventListener;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.sdk.common.CompletableResultCode;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.Collection;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.micrometer.tracing.opentelemetry.autoconfigure.otlp.OtlpHttpSpanExporterBuilderCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.http.server.observation.ServerRequestObservationContext;

/** Spring Boot's traces: how our log names them, what is traced, and what an outage costs. */
@Configuration(proxyBeanMethods = false)
@ConditionalOnBooleanProperty("service.traces")
class TraceConfiguration {
  private static final Logger log = LoggerFactory.getLogger(TraceConfiguration.class);

  @Bean
  Slf4JEventListener idsForTheLog() {
    return new Slf4JEventListener("trace_id", "span_id");
  }

  @Bean
  ObservationPredicate withoutProbes() {
    return (_, context) ->
        !(context instanceof ServerRequestObservationContext request
            && RequestValve.QUIET.contains(request.getCarrier().getRequestURI()));
  }

  /** What could not be sent is lost: better than a stop that waits for it. */
  @Bean
  OtlpHttpSpanExporterBuilderCustomizer withoutRetry() {
    return exporter -> exporter.setRetryPolicy(null);
  }

  @Bean
  static BeanPostProcessor reportingExporter() {
    return new BeanPostProcessor() {
      @Override
      public Object postProcessAfterInitialization(Object bean, String name) {
        return bean instanceof OtlpHttpSpanExporter exporter ? new Reporting(exporter) : bean;
      }
    };
  }

  private record Reporting(SpanExporter exporter) implements SpanExporter {
    @Override
    public CompletableResultCode export(Collection<SpanData> spans) {
      var result = exporter.export(spans);
      return result.whenComplete(() -> {
        if (!result.isSuccess()) {
          log.atWarn().addKeyValue("error", result.getFailureThrowable()).log("traces not sent");
        }
      });
    }

    @Override
    public CompletableResultCode flush() {
      return exporter.flush();
    }

    @Override
    public CompletableResultCode shutdown() {
      return exporter.shutdown();
    }
  }
}
