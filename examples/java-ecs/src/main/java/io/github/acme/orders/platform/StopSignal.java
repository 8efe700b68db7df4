package io.github.acme.orders.platform;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.springframework.beans.factory.SmartInitializingSingleton;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.context.event.EventListener;
import org.springframework.core.Ordered;
import org.springframework.core.annotation.Order;
import org.springframework.stereotype.Component;

/** A signal during the start ends it at once; as soon as requests may come, it lets them finish. */
@Component
class StopSignal implements SmartInitializingSingleton {
  private static final int LIMIT_SECONDS = 10;
  private static final CountDownLatch started = new CountDownLatch(1);
  private static volatile Thread starting;
  private static volatile boolean answering;

  /** Spring alone would finish the start first. */
  static void heed() {
    starting = Thread.currentThread();
    Runtime.getRuntime().addShutdownHook(new Thread(StopSignal::endUnlessAnswering));
  }

  private static void endUnlessAnswering() {
    if (!answering) {
      Runtime.getRuntime().halt(143);
    }
  }

  static void started() {
    started.countDown();
  }

  /** The web server is next. */
  @Override
  public void afterSingletonsInstantiated() {
    answering = true;
  }

  /** What is left of the start would fail in a context that is closed meanwhile. */
  @EventListener(ContextClosedEvent.class)
  @Order(Ordered.HIGHEST_PRECEDENCE)
  void letTheStartFinish() throws InterruptedException {
    if (Thread.currentThread() != starting) {
      started.await(LIMIT_SECONDS, TimeUnit.SECONDS);
    }
  }
}
