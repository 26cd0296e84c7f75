import java.net.URI;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbAsyncTable;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbEnhancedAsyncClient;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbEnhancedClient;
import software.amazon.awssdk.enhanced.dynamodb.DynamoDbTable;
import software.amazon.awssdk.enhanced.dynamodb.Key;
import software.amazon.awssdk.enhanced.dynamodb.TableSchema;
import software.amazon.awssdk.enhanced.dynamodb.extensions.annotations.DynamoDbAtomicCounter;
import software.amazon.awssdk.enhanced.dynamodb.extensions.annotations.DynamoDbVersionAttribute;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbBean;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbPartitionKey;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbSecondaryPartitionKey;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbSecondarySortKey;
import software.amazon.awssdk.enhanced.dynamodb.mapper.annotations.DynamoDbSortKey;
import software.amazon.awssdk.enhanced.dynamodb.model.BatchGetResultPage;
import software.amazon.awssdk.enhanced.dynamodb.model.Page;
import software.amazon.awssdk.enhanced.dynamodb.model.QueryConditional;
import software.amazon.awssdk.enhanced.dynamodb.model.ReadBatch;
import software.amazon.awssdk.enhanced.dynamodb.model.TransactUpdateItemEnhancedRequest;
import software.amazon.awssdk.enhanced.dynamodb.model.WriteBatch;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbClient;
import software.amazon.awssdk.services.dynamodb.model.AttributeValue;
import software.amazon.awssdk.services.dynamodb.model.CancellationReason;
import software.amazon.awssdk.services.dynamodb.model.ConditionalCheckFailedException;
import software.amazon.awssdk.services.dynamodb.model.DynamoDbException;
import software.amazon.awssdk.services.dynamodb.model.ProjectionType;
import software.amazon.awssdk.services.dynamodb.model.Record;
import software.amazon.awssdk.services.dynamodb.model.ReturnValuesOnConditionCheckFailure;
import software.amazon.awssdk.services.dynamodb.model.Shard;
import software.amazon.awssdk.services.dynamodb.model.ShardIteratorType;
import software.amazon.awssdk.services.dynamodb.model.StreamViewType;
import software.amazon.awssdk.services.dynamodb.model.TransactionCanceledException;
import software.amazon.awssdk.services.dynamodb.streams.DynamoDbStreamsClient;

/**
 * A shop on the enhanced client, its asynchronous sister and the streams client.
 *
 * <p>Argument: endpoint. On standard output one line for each thing it found: "NAME: VALUE".
 */
public final class Shop {
    @DynamoDbBean
    public static class Address {
        private String street;

        public String getStreet() { return street; }
        public void setStreet(String value) { street = value; }
    }

    @DynamoDbBean
    public static class Order {
        private String customer;
        private String id;
        private Long version;
        private Long saved;
        private String status;
        private Integer total;
        private Set<String> tags;
        private Address address;
        private SdkBytes picture;

        public Order() {}

        Order(String customer, String id, String status, int total) {
            this.customer = customer;
            this.id = id;
            this.status = status;
            this.total = total;
        }

        @DynamoDbPartitionKey
        public String getCustomer() { return customer; }
        public void setCustomer(String value) { customer = value; }

        @DynamoDbSortKey
        public String getId() { return id; }
        public void setId(String value) { id = value; }

        @DynamoDbVersionAttribute
        public Long getVersion() { return version; }
        public void setVersion(Long value) { version = value; }

        @DynamoDbAtomicCounter(delta = 2, startValue = 10)
        public Long getSaved() { return saved; }
        public void setSaved(Long value) { saved = value; }

        @DynamoDbSecondaryPartitionKey(indexNames = "by_status")
        public String getStatus() { return status; }
        public void setStatus(String value) { status = value; }

        @DynamoDbSecondarySortKey(indexNames = {"by_status", "by_total"})
        public Integer getTotal() { return total; }
        public void setTotal(Integer value) { total = value; }

        public Set<String> getTags() { return tags; }
        public void setTags(Set<String> value) { tags = value; }

        public Address getAddress() { return address; }
        public void setAddress(Address value) { address = value; }

        public SdkBytes getPicture() { return picture; }
        public void setPicture(SdkBytes value) { picture = value; }
    }

    /** The same items without a version: the library refuses batches of versioned ones. */
    @DynamoDbBean
    public static class Line {
        private String customer;
        private String id;
        private String status;
        private Integer total;
        private String text;

        @DynamoDbPartitionKey
        public String getCustomer() { return customer; }
        public void setCustomer(String value) { customer = value; }

        @DynamoDbSortKey
        public String getId() { return id; }
        public void setId(String value) { id = value; }

        public String getStatus() { return status; }
        public void setStatus(String value) { status = value; }

        public Integer getTotal() { return total; }
        public void setTotal(Integer value) { total = value; }

        public String getText() { return text; }
        public void setText(String value) { text = value; }
    }

    private static final StaticCredentialsProvider CREDENTIALS =
            StaticCredentialsProvider.create(AwsBasicCredentials.create("AKID", "s3cret"));
    private static final Region REGION = Region.US_EAST_1;

    private static DynamoDbClient client;
    private static DynamoDbEnhancedClient shop;
    private static DynamoDbTable<Order> orders;
    private static DynamoDbTable<Line> lines;

    public static void main(String[] arguments) throws Exception {
        URI endpoint = URI.create(arguments[0]);
        client = DynamoDbClient.builder()
                .endpointOverride(endpoint).region(REGION).credentialsProvider(CREDENTIALS)
                .httpClient(UrlConnectionHttpClient.create()).build();
        shop = DynamoDbEnhancedClient.builder().dynamoDbClient(client).build();
        orders = shop.table("orders", TableSchema.fromBean(Order.class));
        lines = shop.table("orders", TableSchema.fromBean(Line.class));
        open();
        sell();
        lock();
        retry();
        transact();
        stock();
        browse();
        try (DynamoDbAsyncClient async = DynamoDbAsyncClient.builder()
                .endpointOverride(endpoint).region(REGION).credentialsProvider(CREDENTIALS)
                .httpClientBuilder(NettyNioAsyncHttpClient.builder()).build()) {
            crowd(async);
        }
        try (DynamoDbStreamsClient streams = DynamoDbStreamsClient.builder()
                .endpointOverride(endpoint).region(REGION).credentialsProvider(CREDENTIALS)
                .httpClient(UrlConnectionHttpClient.create()).build()) {
            follow(streams);
        }
    }

    private static void tell(String name, Object value) {
        System.out.println(name + ": " + value);
    }

    private static Key key(String customer, String id) {
        return Key.builder().partitionValue(customer).sortValue(id).build();
    }

    private static void open() {
        orders.createTable(table -> table
                .streamSpecification(stream -> stream
                        .streamEnabled(true).streamViewType(StreamViewType.NEW_AND_OLD_IMAGES))
                .globalSecondaryIndices(index -> index
                        .indexName("by_status")
                        .projection(p -> p.projectionType(ProjectionType.ALL)))
                .localSecondaryIndices(index -> index
                        .indexName("by_total")
                        .projection(p -> p.projectionType(ProjectionType.KEYS_ONLY))));
        client.waiter().waitUntilTableExists(table -> table.tableName("orders"));
        try {
            orders.createTable();
        } catch (DynamoDbException refused) {
            tell("created twice", refused.awsErrorDetails().errorMessage());
            tell("has a request id", refused.requestId() != null);
        }
    }

    private static void sell() {
        Order order = new Order("ann", "1", "new", 5);
        order.setTags(Set.of("gift"));
        order.setAddress(new Address());
        order.getAddress().setStreet("Main Street");
        order.setPicture(SdkBytes.fromByteArray(new byte[] {0, -1}));
        orders.putItem(order);
        Order found = orders.getItem(request -> request.key(key("ann", "1")).consistentRead(true));
        tell("found", List.of(
                found.getTags(), found.getAddress().getStreet(),
                Arrays.toString(found.getPicture().asByteArray()), found.getTotal()));
        tell("first version and counter", List.of(found.getVersion(), found.getSaved()));
    }

    private static void lock() {
        Order mine = orders.getItem(key("ann", "1"));
        Order stale = orders.getItem(key("ann", "1"));
        mine.setTotal(6);
        Order updated = orders.updateItem(mine);
        tell("next version and counter", List.of(updated.getVersion(), updated.getSaved()));
        try {
            orders.updateItem(stale);
        } catch (ConditionalCheckFailedException refused) {
            tell("stale", refused.awsErrorDetails().errorMessage());
        }
    }

    /** The tester's rules refuse the first two of these puts; the client repeats them. */
    private static void retry() {
        lines.putItem(line("throttled", 1, ""));
        tell("put in the end", lines.getItem(key("throttled", "001")).getTotal());
    }

    private static void transact() {
        Order stale = orders.getItem(key("ann", "1"));
        stale.setVersion(1L);
        try {
            shop.transactWriteItems(all -> all
                    .addPutItem(lines, line("ann", 2, ""))
                    .addUpdateItem(orders, TransactUpdateItemEnhancedRequest.builder(Order.class)
                            .item(stale)
                            .returnValuesOnConditionCheckFailure(
                                    ReturnValuesOnConditionCheckFailure.ALL_OLD)
                            .build()));
        } catch (TransactionCanceledException refused) {
            List<CancellationReason> reasons = refused.cancellationReasons();
            tell("cancelled", reasons.stream().map(CancellationReason::code).toList());
            tell("found instead", reasons.get(1).item().get("version").n());
        }
        Order fresh = orders.getItem(key("ann", "1"));
        fresh.setTotal(7);
        shop.transactWriteItems(all -> all
                .addPutItem(lines, line("ann", 2, "")).addUpdateItem(orders, fresh));
        var read = shop.transactGetItems(all -> all
                .addGetItem(orders, key("ann", "1")).addGetItem(lines, key("nobody", "1")));
        tell("after the transaction", List.of(
                read.get(0).getItem(orders).getVersion(),
                read.get(0).getItem(orders).getTotal(),
                read.get(1).getItem(lines) == null));
    }

    private static Line line(String customer, int number, String text) {
        Line line = new Line();
        line.setCustomer(customer);
        line.setId(String.format("%03d", number));
        line.setStatus(number % 2 == 0 ? "even" : "odd");
        line.setTotal(number);
        line.setText(text);
        return line;
    }

    /** More than one BatchGetItem may answer at once: it hands keys back, and is asked again. */
    private static void stock() {
        int unwritten = 0;
        for (int first = 0; first < 60; first += 25) {
            WriteBatch.Builder<Line> batch =
                    WriteBatch.builder(Line.class).mappedTableResource(lines);
            IntStream.range(first, Math.min(first + 25, 60))
                    .forEach(n -> batch.addPutItem(line("bulk", n, "x".repeat(300_000))));
            unwritten += shop.batchWriteItem(request -> request.writeBatches(batch.build()))
                    .unprocessedPutItemsForTable(lines).size();
        }
        tell("unwritten", unwritten);
        ReadBatch.Builder<Line> all = ReadBatch.builder(Line.class).mappedTableResource(lines);
        IntStream.range(0, 60)
                .forEach(n -> all.addGetItem(key("bulk", String.format("%03d", n))));
        List<Integer> pages = new ArrayList<>();
        for (BatchGetResultPage page : shop.batchGetItem(get -> get.readBatches(all.build()))) {
            pages.add(page.resultsForTable(lines).size());
        }
        tell("pages of the batch", pages.size());
        tell("items of the batch", pages.stream().mapToInt(Integer::intValue).sum());
    }

    private static void browse() {
        QueryConditional bulk = QueryConditional.keyEqualTo(k -> k.partitionValue("bulk"));
        // 60 items of 300 kB do not fit into ten pages of a megabyte.
        tell("pages by size", lines.query(bulk).stream().count() > 10);
        tell("pages by limit", lines.query(q -> q.queryConditional(bulk).limit(2)).stream()
                .map(page -> page.items().size()).distinct().toList());
        tell("between", lines.query(QueryConditional.sortBetween(
                        key("bulk", "010"), key("bulk", "012")))
                .items().stream().map(Line::getTotal).toList());
        QueryConditional even = QueryConditional.sortGreaterThan(
                k -> k.partitionValue("even").sortValue(53));
        tell("global index, backwards", orders.index("by_status")
                .query(q -> q.queryConditional(even).scanIndexForward(false).limit(2)).stream()
                .map(Page::items).flatMap(List::stream).map(Order::getTotal).toList());
        QueryConditional small = QueryConditional.sortLessThan(
                k -> k.partitionValue("bulk").sortValue(2));
        tell("local index, keys only", orders.index("by_total").query(small).stream()
                .map(Page::items).flatMap(List::stream)
                .map(order -> order.getId() + " " + order.getStatus()).toList());
        tell("segments", IntStream.range(0, 3).mapToLong(segment -> lines
                .scan(s -> s.segment(segment).totalSegments(3).attributesToProject("id"))
                .items().stream().count()).sum());
    }

    private static void crowd(DynamoDbAsyncClient async) throws Exception {
        DynamoDbAsyncTable<Line> table = DynamoDbEnhancedAsyncClient.builder()
                .dynamoDbClient(async).build().table("orders", TableSchema.fromBean(Line.class));
        together(n -> table.putItem(line("crowd", n, "")));
        List<Integer> totals = new ArrayList<>();
        table.query(q -> q.queryConditional(
                        QueryConditional.keyEqualTo(k -> k.partitionValue("crowd"))).limit(7))
                .items().subscribe(found -> totals.add(found.getTotal())).get(20, TimeUnit.SECONDS);
        tell("crowd in order", totals.equals(IntStream.range(0, 100).boxed().toList()));
        Map<String, AttributeValue> counter = Map.of(
                "customer", AttributeValue.fromS("crowd"), "id", AttributeValue.fromS("counter"));
        together(n -> async.updateItem(update -> update
                .tableName("orders").key(counter).updateExpression("ADD n :one")
                .expressionAttributeValues(Map.of(":one", AttributeValue.fromN("1")))));
        tell("counted", async.getItem(get -> get.tableName("orders").key(counter))
                .get(20, TimeUnit.SECONDS).item().get("n").n());
        try {
            async.getItem(get -> get.tableName("nowhere").key(counter)).get(20, TimeUnit.SECONDS);
        } catch (ExecutionException failed) {
            tell("no table", failed.getCause().getClass().getSimpleName());
        }
    }

    private static void together(java.util.function.IntFunction<CompletableFuture<?>> call)
            throws Exception {
        CompletableFuture<?>[] calls =
                IntStream.range(0, 100).mapToObj(call).toArray(CompletableFuture[]::new);
        CompletableFuture.allOf(calls).get(30, TimeUnit.SECONDS);
    }

    private static void follow(DynamoDbStreamsClient streams) {
        String arn = orders.describeTable().table().latestStreamArn();
        Map<String, Integer> events = new TreeMap<>();
        List<String> totals = new ArrayList<>();
        for (Shard shard : streams.describeStream(s -> s.streamArn(arn))
                .streamDescription().shards()) {
            String iterator = streams.getShardIterator(s -> s
                    .streamArn(arn).shardId(shard.shardId())
                    .shardIteratorType(ShardIteratorType.TRIM_HORIZON)).shardIterator();
            while (iterator != null) {
                String from = iterator;
                var page = streams.getRecords(r -> r.shardIterator(from));
                for (Record record : page.records()) {
                    events.merge(record.eventNameAsString(), 1, Integer::sum);
                    Map<String, AttributeValue> image = record.dynamodb().newImage();
                    if (image.get("customer").s().equals("ann")) {
                        totals.add(image.get("total").n());
                    }
                }
                iterator = page.records().isEmpty() ? null : page.nextShardIterator();
            }
        }
        tell("events", events);
        tell("ann's totals", totals);
    }
}
