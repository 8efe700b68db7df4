rootProject.name = "orders"
include("services:orders")
