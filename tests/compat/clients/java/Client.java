// `com.segment.analytics.java:analytics`, as its documentation uses it. HOST and WRITE_KEY come from the environment; ends with
// 0 once everything was delivered. The library waits 15 s and more between tries; so does this.

import com.segment.analytics.Analytics;
import com.segment.analytics.Callback;
import com.segment.analytics.messages.AliasMessage;
import com.segment.analytics.messages.GroupMessage;
import com.segment.analytics.messages.IdentifyMessage;
import com.segment.analytics.messages.Message;
import com.segment.analytics.messages.MessageBuilder;
import com.segment.analytics.messages.PageMessage;
import com.segment.analytics.messages.ScreenMessage;
import com.segment.analytics.messages.TrackMessage;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

public class Client {
  private static final int EVENTS = 6;

  public static void main(String[] arguments) throws InterruptedException {
    CountDownLatch settled = new CountDownLatch(EVENTS);
    AtomicInteger failures = new AtomicInteger();
    Callback callback =
        new Callback() {
          @Override
          public void success(Message message) {
            settled.countDown();
          }

          @Override
          public void failure(Message message, Throwable fault) {
            System.err.println(message.type() + ": " + fault);
            failures.incrementAndGet();
            settled.countDown();
          }
        };
    Analytics analytics =
        Analytics.builder(System.getenv("WRITE_KEY"))
            .endpoint(System.getenv("HOST"))
            .callback(callback)
            .build();
    send(analytics, IdentifyMessage.builder().traits(Map.of("plan", "pro", "seats", 5)));
    send(
        analytics,
        TrackMessage.builder("Order Completed")
            .properties(Map.of("total", 59.5, "products", List.of(Map.of("sku", "mug-1")))));
    send(analytics, PageMessage.builder("Shop").properties(Map.of("url", "https://shop.example/sale")));
    send(analytics, ScreenMessage.builder("Basket").properties(Map.of("items", 2)));
    send(analytics, GroupMessage.builder("company-1").traits(Map.of("name", "Nook")));
    send(analytics, AliasMessage.builder("device-1"));
    analytics.flush();
    boolean inTime = settled.await(200, TimeUnit.SECONDS);
    analytics.shutdown();
    System.exit(inTime && failures.get() == 0 ? 0 : 1);
  }

  private static void send(Analytics analytics, MessageBuilder<?, ?> message) {
    analytics.enqueue(message.userId("customer-1").anonymousId("device-1"));
  }
}
