import com.amazonaws.services.dynamodbv2.streamsadapter.AmazonDynamoDBStreamsAdapterClient;
import com.amazonaws.services.dynamodbv2.streamsadapter.StreamsSchedulerFactory;
import com.amazonaws.services.dynamodbv2.streamsadapter.adapter.DynamoDBStreamsClientRecord;
import com.amazonaws.services.dynamodbv2.streamsadapter.model.DynamoDBStreamsProcessRecordsInput;
import com.amazonaws.services.dynamodbv2.streamsadapter.polling.DynamoDBStreamsPollingConfig;
import com.amazonaws.services.dynamodbv2.streamsadapter.processor.DynamoDBStreamsShardRecordProcessor;
import java.net.URI;
import java.util.concurrent.TimeUnit;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.dynamodb.model.BillingMode;
import software.amazon.awssdk.services.dynamodb.model.Record;
import software.amazon.awssdk.services.dynamodb.streams.DynamoDbStreamsClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.NullMetricsFactory;

/**
 * Follows one stream through the adapter and the Kinesis client library, and tells what it saw.
 *
 * <p>Arguments: endpoint, stream ARN, application name. On standard output, one line each:
 * "start SHARD FROM", "record SHARD NUMBER EVENT KEY", "end SHARD". It ends with its standard input.
 */
public final class Follower {
    public static void main(String[] arguments) throws Exception {
        URI endpoint = URI.create(arguments[0]);
        String arn = arguments[1];
        String application = arguments[2];
        Region region = Region.US_EAST_1;
        StaticCredentialsProvider credentials =
                StaticCredentialsProvider.create(AwsBasicCredentials.create("AKID", "s3cret"));
        DynamoDbStreamsClient streams = DynamoDbStreamsClient.builder()
                .endpointOverride(endpoint).region(region).credentialsProvider(credentials).build();
        DynamoDbAsyncClient tables = DynamoDbAsyncClient.builder()
                .endpointOverride(endpoint).region(region).credentialsProvider(credentials).build();
        // Metrics go nowhere, but the library wants a client for them.
        CloudWatchAsyncClient metrics = CloudWatchAsyncClient.builder()
                .endpointOverride(endpoint).region(region).credentialsProvider(credentials).build();
        AmazonDynamoDBStreamsAdapterClient adapter =
                new AmazonDynamoDBStreamsAdapterClient(streams, region);
        ConfigsBuilder configs = new ConfigsBuilder(
                StreamsSchedulerFactory.createSingleStreamTracker(
                        arn,
                        InitialPositionInStreamExtended.newInitialPosition(
                                InitialPositionInStream.TRIM_HORIZON)),
                application, adapter, tables, metrics, "worker-1", Processor::new);
        DynamoDBStreamsPollingConfig polling = new DynamoDBStreamsPollingConfig(adapter);
        polling.idleTimeBetweenReadsInMillis(100);
        Scheduler scheduler = StreamsSchedulerFactory.createScheduler(
                configs.checkpointConfig(),
                configs.coordinatorConfig()
                        .parentShardPollIntervalMillis(200)
                        .shardConsumerDispatchPollIntervalMillis(100),
                configs.leaseManagementConfig()
                        .billingMode(BillingMode.PAY_PER_REQUEST)
                        .failoverTimeMillis(2000)
                        .shardSyncIntervalMillis(1000)
                        .leaseAssignmentIntervalMillis(500L)
                        .leasesRecoveryAuditorExecutionFrequencyMillis(1000),
                configs.lifecycleConfig().taskBackoffTimeMillis(100),
                configs.metricsConfig().metricsFactory(new NullMetricsFactory()),
                configs.processorConfig(),
                configs.retrievalConfig().retrievalSpecificConfig(polling),
                streams, region);
        Thread running = new Thread(scheduler);
        running.setDaemon(true);
        running.start();
        while (System.in.read() >= 0) {
            // Whoever started this closes its input when it has seen enough.
        }
        scheduler.startGracefulShutdown().get(20, TimeUnit.SECONDS);
        System.exit(0);
    }

    private static synchronized void say(String line) {
        System.out.println(line);
        System.out.flush();
    }

    /** Prints each record, and checkpoints after every batch and at the shard's end. */
    private static final class Processor implements DynamoDBStreamsShardRecordProcessor {
        private String shard;

        @Override
        public void initialize(InitializationInput input) {
            shard = input.shardId();
            say("start " + shard + " " + input.extendedSequenceNumber().sequenceNumber());
        }

        @Override
        public void processRecords(DynamoDBStreamsProcessRecordsInput input) {
            for (DynamoDBStreamsClientRecord each : input.records()) {
                Record record = each.getRecord();
                say("record " + shard + " " + record.dynamodb().sequenceNumber() + " "
                        + record.eventNameAsString() + " " + record.dynamodb().keys().get("id").s());
            }
            checkpoint(() -> input.checkpointer().checkpoint());
        }

        @Override
        public void leaseLost(LeaseLostInput input) {
            say("lost " + shard);
        }

        @Override
        public void shardEnded(ShardEndedInput input) {
            checkpoint(() -> input.checkpointer().checkpoint());
            say("end " + shard);
        }

        @Override
        public void shutdownRequested(ShutdownRequestedInput input) {
            checkpoint(() -> input.checkpointer().checkpoint());
        }

        private interface Step {
            void run() throws Exception;
        }

        private static void checkpoint(Step step) {
            try {
                step.run();
            } catch (Exception failed) {
                say("failed " + failed);
            }
        }
    }
}
