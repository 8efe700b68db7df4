package io.github.acme.orders.items;

import java.util.List;
import java.util.Optional;
import org.springframework.jdbc.core.simple.JdbcClient;
import org.springframework.stereotype.Repository;
import org.springframework.transaction.annotation.Transactional;

@Repository
class ItemRepository {
  private final JdbcClient database;

  ItemRepository(JdbcClient database) {
    this.database = database;
  }

  /** Throws DuplicateKeyException where the name is taken. */
  @Transactional
  Item insert(NewItem item) {
    return database
        .sql("INSERT INTO items (name, quantity) VALUES (:name, :quantity) RETURNING *")
        .paramSource(item)
        .query(Item.class)
        .single();
  }

  Optional<Item> find(long id) {
    return database
        .sql("SELECT * FROM items WHERE id = :id")
        .param("id", id)
        .query(Item.class)
        .optional();
  }

  /** The newest first, of those older than `before`. */
  List<Item> list(long before, int limit) {
    return database
        .sql("SELECT * FROM items WHERE id < :before ORDER BY id DESC LIMIT :limit")
        .param("before", before)
        .param("limit", limit)
        .query(Item.class)
        .list();
  }
}
