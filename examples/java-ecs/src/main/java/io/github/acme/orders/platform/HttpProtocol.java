package io.github.acme.orders.platform;

import java.io.IOException;
import java.time.Duration;
import org.apache.coyote.Processor;
import org.apache.coyote.http11.Http11NioProtocol;
import org.apache.coyote.http11.Http11Processor;
import org.apache.tomcat.util.net.AbstractEndpoint.Handler.SocketState;
import org.apache.tomcat.util.net.SocketWrapperBase;

/** Tomcat's HTTP, but that a header that trickles in has no longer than one that does not come. */
public final class HttpProtocol extends Http11NioProtocol {
  @Override
  protected Processor createProcessor() {
    return new Http11Processor(this, getAdapter()) {
      private SocketWrapperBase<?> waiting;
      private long deadline;

      @Override
      public SocketState service(SocketWrapperBase<?> socket) throws IOException {
        long now = System.nanoTime();
        if (waiting != socket) {
          waiting = socket;
          deadline = now + Duration.ofMillis(getConnectionTimeout()).toNanos();
        } else if (now > deadline) {
          waiting = null;
          return SocketState.CLOSED;
        }
        var state = super.service(socket);
        if (state != SocketState.LONG || isAsync()) {
          waiting = null;
        }
        return state;
      }
    };
  }
}
