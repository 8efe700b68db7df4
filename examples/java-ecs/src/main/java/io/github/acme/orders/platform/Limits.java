package io.github.acme.orders.platform;

import jakarta.servlet.FilterChain;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.SocketTimeoutException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.http.HttpStatus;
import org.springframework.stereotype.Component;
import org.springframework.util.unit.DataSize;
import org.springframework.web.filter.OncePerRequestFilter;
import org.springframework.web.server.ResponseStatusException;

/** How long a body may be, and how long a request may take: `service.*` sets them. */
@Component
@Order(Ordered.HIGHEST_PRECEDENCE + 2) // within the trace, so that its lines have the trace's id
class Limits extends OncePerRequestFilter {
  private final ScheduledThreadPoolExecutor timer =
      new ScheduledThreadPoolExecutor(1, Thread.ofPlatform().daemon().name("limits").factory());
  private final long bodySize;
  private final long bodyTime;
  private final long requestTime;

  Limits(
      @Value("${service.body-size}") DataSize bodySize,
      @Value("${service.body-time}") Duration bodyTime,
      @Value("${service.request-time}") Duration requestTime) {
    this.bodySize = bodySize.toBytes();
    this.bodyTime = bodyTime.toNanos();
    this.requestTime = requestTime.toNanos();
    timer.setRemoveOnCancelPolicy(true);
  }

  @Override
  protected void doFilterInternal(
      HttpServletRequest request, HttpServletResponse response, FilterChain chain)
      throws ServletException, IOException {
    var alarm = new Alarm(Thread.currentThread());
    var ring = timer.schedule(alarm::ring, requestTime, TimeUnit.NANOSECONDS);
    try {
      chain.doFilter(new LimitedRequest(request), response);
    } finally {
      ring.cancel(false);
      if (alarm.off() && response.getStatus() >= 500 && !response.isCommitted()) {
        response.reset();
        response.sendError(HttpServletResponse.SC_SERVICE_UNAVAILABLE);
      }
    }
  }

  /**
   * Interrupts a request's thread, which ends what it waits for, as long as it is that request's.
   */
  private static final class Alarm {
    private Thread thread;
    private boolean rang;

    Alarm(Thread thread) {
      this.thread = thread;
    }

    synchronized void ring() {
      if (thread != null) {
        rang = true;
        thread.interrupt();
      }
    }

    synchronized boolean off() {
      thread = null;
      if (rang) {
        Thread.interrupted();
      }
      return rang;
    }
  }

  private final class LimitedRequest extends HttpServletRequestWrapper {
    private ServletInputStream body;

    LimitedRequest(HttpServletRequest request) {
      super(request);
    }

    @Override
    public ServletInputStream getInputStream() throws IOException {
      if (getContentLengthLong() > bodySize) {
        throw new ResponseStatusException(HttpStatus.CONTENT_TOO_LARGE);
      }
      if (body == null) {
        body = new LimitedBody(super.getInputStream());
      }
      return body;
    }

    @Override
    public BufferedReader getReader() throws IOException {
      var encoding = getCharacterEncoding();
      var charset = encoding == null ? StandardCharsets.UTF_8 : Charset.forName(encoding);
      return new BufferedReader(new InputStreamReader(getInputStream(), charset));
    }
  }

  private final class LimitedBody extends ServletInputStream {
    private final ServletInputStream body;
    private final long start = System.nanoTime();
    private long size;

    LimitedBody(ServletInputStream body) {
      this.body = body;
    }

    @Override
    public int read() throws IOException {
      var one = new byte[1];
      return read(one, 0, 1) == -1 ? -1 : Byte.toUnsignedInt(one[0]);
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      try {
        int count = body.read(buffer, offset, length);
        size += Math.max(count, 0);
        if (size > bodySize) {
          throw new ResponseStatusException(HttpStatus.CONTENT_TOO_LARGE);
        }
        if (count != -1 && System.nanoTime() - start > bodyTime) {
          throw new ResponseStatusException(HttpStatus.REQUEST_TIMEOUT);
        }
        return count;
      } catch (SocketTimeoutException e) {
        throw new ResponseStatusException(HttpStatus.REQUEST_TIMEOUT, null, e);
      }
    }

    @Override
    public boolean isFinished() {
      return body.isFinished();
    }

    @Override
    public boolean isReady() {
      return body.isReady();
    }

    @Override
    public void setReadListener(ReadListener listener) {
      body.setReadListener(listener);
    }
  }
}
