package io.github.acme.orders.items;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.time.OffsetDateTime;

/** A row of the table `items`. */
record Item(
    long id, String name, int quantity, @JsonProperty("created_at") OffsetDateTime createdAt) {}
