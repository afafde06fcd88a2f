//! Where a bucket is and how to reach it, from its address and the variables of AWS. It connects to nothing by itself.

use std::fmt;
use std::time::Duration;

use http::StatusCode;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsAuthorizer};
use object_store::client::{HttpConnector as _, HttpRequest, HttpRequestBody, ReqwestConnector};
use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use serde::Deserialize;

use crate::store::{OPERATION_TIME_MAX, StoreError};

/// The variables that AWS's own programs read, as far as they concern S3; what they say is the host's business.
const VARIABLES: [&str; 14] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_REGION",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/// Where a bucket is, and how to reach it.
#[derive(Clone)]
pub struct Bucket {
    bucket: String,
    /// What the names of all objects begin with; empty where the bucket has nothing else.
    pub(super) prefix: String,
    region: Option<String>,
    endpoint: Option<String>,
    options: Vec<(AmazonS3ConfigKey, String)>,
}

/// Without the options, among which is a secret.
impl fmt::Debug for Bucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "s3://{}/{}", self.bucket, self.prefix)
    }
}

/// The rules by which a bucket removes what is old, as far as they concern us.
#[derive(Deserialize)]
struct Lifecycle {
    #[serde(rename = "Rule", default)]
    rules: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rule {
    status: String,
    prefix: Option<String>,
    filter: Option<Filter>,
    expiration: Option<Expiration>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Filter {
    prefix: Option<String>,
    and: Option<Box<Filter>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Expiration {
    days: Option<u32>,
    date: Option<String>,
}

impl Rule {
    /// After how many days it removes something in one of these folders.
    fn removes(&self, folders: &[String]) -> Option<u32> {
        let filter = self.filter.as_ref();
        let within = filter.and_then(|filter| filter.and.as_ref()).and_then(|and| and.prefix.as_deref());
        let prefix = self.prefix.as_deref().or(within).or(filter.and_then(|filter| filter.prefix.as_deref()));
        let prefix = prefix.unwrap_or_default();
        let concerns = folders.iter().any(|folder| folder.starts_with(prefix) || prefix.starts_with(folder.as_str()));
        let Expiration { days, date } = self.expiration.as_ref().filter(|_| self.status == "Enabled" && concerns)?;
        // On a day whatever is there, also what came that morning.
        days.or(date.as_ref().map(|_| 0))
    }
}

impl Bucket {
    /// Reads `BUCKET/PREFIX`, with `?region=…` where that is not what AWS_REGION says.
    pub(in crate::store) fn parse(address: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, String> {
        let (address, query) = address.split_once('?').unwrap_or((address, ""));
        let (bucket, prefix) = address.split_once('/').unwrap_or((address, ""));
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
        if bucket.is_empty() || !bucket.bytes().all(is_name) {
            return Err(format!("`{bucket}` is not the name of a bucket: write `s3://BUCKET/PREFIX`"));
        }
        let get = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let region = match query.split_once('=') {
            Some(("region", region)) => Some(region.to_owned()),
            None if query.is_empty() => get("AWS_REGION").or_else(|| get("AWS_DEFAULT_REGION")),
            _ => return Err(format!("`{query}` is nothing that a bucket has: write `region=REGION`, or nothing")),
        };
        let endpoint = get("AWS_ENDPOINT_URL_S3").or_else(|| get("AWS_ENDPOINT_URL"));
        if region.is_none() && endpoint.is_none() {
            return Err("no region: set AWS_REGION, or write `s3://BUCKET/PREFIX?region=REGION`".to_owned());
        }
        // What goes to another machine is encrypted.
        if let Some(host) = endpoint.as_ref().and_then(|endpoint| endpoint.strip_prefix("http://"))
            && !["localhost", "127.0.0.1"].contains(&host.split([':', '/']).next().unwrap_or_default())
        {
            return Err("AWS_ENDPOINT_URL is not encrypted: write `https://`".to_owned());
        }
        let option = |name: &str| Some((name.to_ascii_lowercase().parse().ok()?, get(name)?));
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
            region,
            endpoint,
            options: VARIABLES.iter().filter_map(|name| option(name)).collect(),
        })
    }

    /// The region of AWS it is in; none where it is none of AWS's.
    pub(in crate::store) fn region(&self) -> Option<&str> {
        self.region.as_deref().filter(|_| self.endpoint.is_none())
    }

    /// The name of an object as the bucket knows it.
    fn name(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) }
    }

    /// After how many days a rule of the bucket removes registrations or the keys to read them with; none where none does
    /// (docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html).
    pub(super) async fn removes_after(&self, objects: &AmazonS3) -> Result<Option<u32>, StoreError> {
        let region = self.region.as_deref().unwrap_or("us-east-1");
        let endpoint = self.endpoint.clone().unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let address = format!("{}/{}?lifecycle", endpoint.trim_end_matches('/'), self.bucket);
        let strange = || StoreError::Other("the server's answer is none of S3's, or an error".to_owned());
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        *request.uri_mut() = address.parse().map_err(|_| strange())?;
        let credential = objects.credentials().get_credential().await?;
        let authorizer = AwsAuthorizer::new(&credential, "s3", region);
        authorizer.try_authorize(&mut request, None)?;
        let client = ReqwestConnector::default().connect(&self.client())?;
        let answer = client.execute(request).await.map_err(|_| strange())?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            StatusCode::FORBIDDEN => {
                return Err(StoreError::CannotOpen("the key or the role may not do that in this bucket".to_owned()));
            }
            _ => return Err(strange()),
        }
        let xml = answer.into_body().bytes().await.map_err(|_| strange())?;
        let xml = std::str::from_utf8(&xml).map_err(|_| strange())?;
        let Lifecycle { rules } = quick_xml::de::from_str(xml).map_err(|_| strange())?;
        let kept = ["registration/", "data_key/"].map(|folder| self.name(folder));
        Ok(rules.iter().filter_map(|rule| rule.removes(&kept)).min())
    }

    fn client(&self) -> ClientOptions {
        ClientOptions::new()
            .with_allow_http(true)
            .with_timeout(OPERATION_TIME_MAX - Duration::from_secs(2))
            .with_connect_timeout(Duration::from_secs(2))
    }

    pub(super) fn connect(&self) -> Result<AmazonS3, StoreError> {
        // The one library for cryptography, as mail has it; whoever was first has chosen the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Each try in time for another, and all of them in the time of an operation.
        let retry = RetryConfig {
            backoff: BackoffConfig { init_backoff: Duration::from_millis(50), ..BackoffConfig::default() },
            max_retries: 5,
            retry_timeout: OPERATION_TIME_MAX - Duration::from_secs(1),
        };
        let options = self.options.iter().cloned();
        let builder = AmazonS3Builder::new().with_client_options(self.client()).with_retry(retry);
        let mut builder = options.fold(builder, |builder, (key, value)| builder.with_config(key, value));
        if let Some(region) = &self.region {
            builder = builder.with_region(region);
        }
        builder
            .with_bucket_name(&self.bucket)
            // Looked at when it was read.
            .with_allow_http(true)
            // One request for each, which every server knows and a narrow role allows.
            .with_disable_bulk_delete(true)
            .build()
            .map_err(|error| StoreError::CannotOpen(error.to_string()))
    }
}
