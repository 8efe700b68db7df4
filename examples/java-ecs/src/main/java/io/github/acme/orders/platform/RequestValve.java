package io.github.acme.orders.platform;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.Meter.MeterProvider;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.Timer;
import io.micrometer.tracing.handler.TracingObservationHandler.TracingContext;
import jakarta.servlet.RequestDispatcher;
import jakarta.servlet.ServletException;
import java.io.IOException;
import java.time.Duration;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.DoubleStream;
import org.apache.catalina.AccessLog;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.ActionCode;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.MDC;
import org.slf4j.event.Level;
import org.springframework.web.filter.ServerHttpObservationFilter;
import org.springframework.web.servlet.HandlerMapping;

/** Goes round every request, also where Tomcat answers by itself: an id, a log line, metrics. */
final class RequestValve extends ValveBase implements AccessLog {
  /** The request's attribute for what was thrown and answered by an ExceptionHandler. */
  static final String FAILURE = RequestValve.class.getName() + ".failure";

  // Asked every few seconds by machines: of no interest in the log, nor as a trace.
  static final Set<String> QUIET = Set.of("/healthz", "/readyz", "/metrics");

  private static final Logger log = LoggerFactory.getLogger(RequestValve.class);
  private static final String ID = RequestValve.class.getName() + ".id";
  private static final String START = RequestValve.class.getName() + ".start";
  private static final Pattern REQUEST_ID = Pattern.compile("[A-Za-z0-9._-]{1,128}");
  private static final Set<String> METHODS =
      Set.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "CONNECT", "OPTIONS", "TRACE");
  private static final Duration[] BUCKETS =
      DoubleStream.of(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
          .mapToObj(seconds -> Duration.ofMillis((long) (seconds * 1000)))
          .toArray(Duration[]::new);

  private final MeterProvider<Counter> requests;
  private final MeterProvider<Timer> durations;

  RequestValve(MeterRegistry registry) {
    super(true); // asynchronous requests, too
    requests = Counter.builder("http.requests").withRegistry(registry);
    durations =
        Timer.builder("http.request.duration")
            .serviceLevelObjectives(BUCKETS)
            .withRegistry(registry);
  }

  @Override
  public void invoke(Request request, Response response) throws IOException, ServletException {
    var id = (String) request.getAttribute(ID);
    if (id == null) {
      id = requestId(request.getHeader("X-Request-ID"));
      request.setAttribute(ID, id);
      request.setAttribute(START, System.nanoTime());
    }
    response.setHeader("X-Request-ID", id);
    var isRefused = response.getStatus() >= 400; // by Tomcat, before anything saw it
    try (var _ = MDC.putCloseable("request_id", id)) {
      getNext().invoke(request, response);
      if (isRefused) {
        request.removeAttribute(START);
        refused(request, response);
      } else if (!request.isAsync()) {
        finish(request, response);
        drain(request, response);
      }
    }
  }

  /** Tomcat calls this last, for what went another way, too. */
  @Override
  public void log(Request request, Response response, long nanos) {
    var id = (String) request.getAttribute(ID);
    if (id == null) {
      refused(request, response);
    } else if (request.getAttribute(START) != null) {
      try (var _ = MDC.putCloseable("request_id", id)) {
        finish(request, response);
      }
    }
  }

  static String requestId(String sent) {
    return sent != null && REQUEST_ID.matcher(sent).matches() ? sent : UUID.randomUUID().toString();
  }

  private void refused(Request request, Response response) {
    count(method(request), "unmatched", response.getStatus(), Duration.ZERO);
    log.atWarn().addKeyValue("status", response.getStatus()).log("bad request");
  }

  private void finish(Request request, Response response) {
    var duration = Duration.ofNanos(System.nanoTime() - (long) request.getAttribute(START));
    request.removeAttribute(START);
    var method = method(request);
    var pattern = request.getAttribute(HandlerMapping.BEST_MATCHING_PATTERN_ATTRIBUTE);
    var route = pattern == null || pattern.equals("/**") ? "unmatched" : pattern.toString();
    var status = response.getStatus();
    var failure = failure(request);
    count(method, route, status, duration);

    var line =
        log.atLevel(level(route, status, failure))
            .addKeyValue("method", method)
            .addKeyValue("route", route)
            .addKeyValue("status", status)
            .addKeyValue("duration_ms", duration.toNanos() / 1000 / 1000.0)
            .setCause(failure);
    ServerHttpObservationFilter.findObservationContext(request)
        .map(context -> context.<TracingContext>get(TracingContext.class))
        .ifPresent(trace -> line.addKeyValue("trace_id", trace.getSpan().context().traceId()));
    line.log("request");
  }

  /** What nobody read of a body: Tomcat would wait for it as long as it trickles in. */
  private static void drain(Request request, Response response) throws IOException {
    if (request.getContentLengthLong() <= 0 && request.getHeader("Transfer-Encoding") == null) {
      return;
    }
    long end = System.nanoTime() + Duration.ofSeconds(5).toNanos();
    var body = request.getInputStream();
    var buffer = new byte[8192];
    try {
      while (!body.isFinished()) {
        if (body.available() == 0) {
          response.flushBuffer();
        }
        body.read(buffer);
        if (System.nanoTime() > end) {
          throw new IOException("too slow");
        }
      }
    } catch (IOException e) {
      // Then the connection can't serve another request.
      request.getCoyoteRequest().action(ActionCode.DISABLE_SWALLOW_INPUT, null);
    }
  }

  private void count(String method, String route, int status, Duration duration) {
    var tags = Tags.of("method", method, "route", route, "status", Integer.toString(status));
    requests.withTags(tags).increment();
    durations.withTags(tags).record(duration);
  }

  private static String method(Request request) {
    return METHODS.contains(String.valueOf(request.getMethod())) ? request.getMethod() : "OTHER";
  }

  private static Throwable failure(Request request) {
    var uncaught = (Throwable) request.getAttribute(RequestDispatcher.ERROR_EXCEPTION);
    return uncaught == null ? (Throwable) request.getAttribute(FAILURE) : uncaught;
  }

  private static Level level(String route, int status, Throwable failure) {
    if (QUIET.contains(route)) {
      return Level.DEBUG;
    }
    return status >= 500 || failure != null ? Level.ERROR : Level.INFO;
  }

  @Override
  public void setRequestAttributesEnabled(boolean enabled) {
    // None are used.
  }

  @Override
  public boolean getRequestAttributesEnabled() {
    return false;
  }
}
