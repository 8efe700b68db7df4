package app;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Meter.MeterProvider;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import jakarta.servlet.FilterChain;
import jakarta.servlet.ServletException;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.DoubleStream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;
import org.slf4j.event.Level;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.stereotype.Component;
import org.springframework.web.filter.OncePerRequestFilter;
import org.springframework.web.servlet.HandlerMapping;

/** Goes round every request: gives it an id, answers its failure, counts it and logs it. */
@Component
@Order(Ordered.HIGHEST_PRECEDENCE)
class RequestFilter extends OncePerRequestFilter {
  private static final Logger log = LoggerFactory.getLogger(RequestFilter.class);

  private static final Pattern REQUEST_ID = Pattern.compile("[A-Za-z0-9._-]{1,128}");
  private static final Set<String> METHODS =
      Set.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE");
  // Asked every few seconds by machines: of no interest in the log.
  private static final Set<String> QUIET = Set.of("/healthz", "/readyz", "/metrics");
  private static final Duration[] BUCKETS =
      DoubleStream.of(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
          .mapToObj(seconds -> Duration.ofMillis((long) (seconds * 1000)))
          .toArray(Duration[]::new);

  private final MeterProvider<Counter> requests;
  private final MeterProvider<Timer> durations;

  RequestFilter(MeterRegistry registry) {
    requests = Counter.builder("http.requests").withRegistry(registry);
    durations =
        Timer.builder("http.request.duration")
            .serviceLevelObjectives(BUCKETS)
            .withRegistry(registry);
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    long start = System.nanoTime();
    var id = requestId(request.getHeader("X-Request-ID"));
    response.setHeader("X-Request-ID", id);
    Throwable failure = null;
    try (var _ = MDC.putCloseable("request_id", id)) {
      try {
        chain.doFilter(request, response);
      } catch (ServletException | IOException | RuntimeException e) {
        // Spring wraps what a controller throws.
        failure = e instanceof ServletException && e.getCause() != null ? e.getCause() : e;
        if (response.isCommitted()) {
          throw e; // Too late for an answer: Tomcat cuts the connection.
        }
        response.sendError(HttpServletResponse.SC_INTERNAL_SERVER_ERROR);
      } finally {
        finish(request, response, Duration.ofNanos(System.nanoTime() - start), failure);
      }
    }
  }

  static String requestId(String sent) {
    return sent != null && REQUEST_ID.matcher(sent).matches() ? sent : UUID.randomUUID().toString();
  }

  private void finish(
      HttpServletRequest request,
      HttpServletResponse response,
      Duration duration,
      Throwable failure) {
    var method = METHODS.contains(request.getMethod()) ? request.getMethod() : "OTHER";
    var route = route(request);
    var status = failure == null ? response.getStatus() : 500;

    var tags = Tags.of("method", method, "route", route, "status", Integer.toString(status));
    requests.withTags(tags).increment();
    durations.withTags(tags).record(duration);

    log.atLevel(level(route, status))
        .setCause(failure)
        .addKeyValue("method", method)
        .addKeyValue("route", route)
        .addKeyValue("status", status)
        .addKeyValue("duration_ms", duration.toNanos() / 1000 / 1000.0)
        .log("request");
  }

  private static Level level(String route, int status) {
    if (QUIET.contains(route)) {
      return Level.DEBUG;
    }
    return status >= 500 ? Level.ERROR : Level.INFO;
  }

  /** The pattern that matched, never the path that was sent: its values are few. */
  private static String route(HttpServletRequest request) {
    var pattern = request.getAttribute(HandlerMapping.BEST_MATCHING_PATTERN_ATTRIBUTE);
    return pattern == null || pattern.equals(Routes.UNMATCHED) ? "unmatched" : pattern.toString();
  }
}
