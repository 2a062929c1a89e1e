# Validates the vendor's model on the steward's data and posts the agreed report, in R over plain HTTPS.
#
# The report is accuracy, sensitivity and specificity, each with its 95 % confidence interval (Wilson) and the number of
# records it rests on. jsonlite writes each number as an array of length 1; the room takes it out where the criteria ask for
# a number.

library(httr)
library(jsonlite)

enclave <- Sys.getenv("ENCLAVE_URL", "https://localhost:5000")
# The room's certificate is checked against the room's own authority.
set_config(config(cainfo = Sys.getenv("ENCLAVE_CA_FILE")))
z <- 1.959964 # the normal quantile of a two-sided 95 % interval

get <- function(path, query = list()) {
  response <- GET(paste0(enclave, path), query = query)
  if (status_code(response) != 200) stop(path, " answered with status ", status_code(response))
  response
}

post <- function(path, body) {
  # digits = NA: as many as it takes; the default of four would change the figures.
  text <- toJSON(body, digits = NA)
  response <- POST(paste0(enclave, path), body = text, content_type_json())
  if (status_code(response) != 200) stop(path, " answered with status ", status_code(response))
  fromJSON(content(response, "text", encoding = "UTF-8"))
}

# Rounded half up, as the twins of this package do; round() rounds half to even.
four_digits <- function(value) floor(value * 10000 + 0.5) / 10000

metric <- function(right, count) {
  if (count == 0) stop("The dataset lacks malignant or benign records; there is nothing to measure.")
  share <- right / count
  scale <- 1 + z * z / count
  centre <- (share + z * z / (2 * count)) / scale
  half <- z * sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / scale
  list(value = four_digits(share), CI = four_digits(c(max(0, centre - half), min(1, centre + half))), n = count)
}

evaluate <- function(model, table) {
  if (!all(table$diagnosis %in% c("malignant", "benign"))) {
    stop("The diagnosis column holds a word other than malignant and benign.")
  }
  features <- model$features
  values <- as.matrix(table[, features$name])
  scaled <- sweep(sweep(values, 2, features$mean), 2, features$deviation, "/")
  score <- model$intercept + as.vector(scaled %*% features$weight)
  found <- 1 / (1 + exp(-score)) >= model$threshold
  truth <- table$diagnosis == model$positive
  list(
    accuracy = metric(sum(found == truth), length(truth)),
    sensitivity = metric(sum(found & truth), sum(truth)),
    specificity = metric(sum(!found & !truth), sum(!truth))
  )
}

listed <- fromJSON(content(get("/api/v1/data/files"), "text", encoding = "UTF-8"))$files
names <- listed$name[endsWith(listed$name, ".csv")]
if (length(names) != 1) stop("Expected one CSV file in the dataset, found ", length(names), ".")
text <- content(get("/api/v1/data/file", list(filepath = names)), "text", encoding = "UTF-8")
table <- read.csv(text = text, stringsAsFactors = FALSE)

report <- list(
  json_data = list(report = evaluate(fromJSON("models/model.json"), table)),
  name = "Breast cancer classifier in R, validation",
  status = "Completed",
  run = Sys.getenv("ESCROW_RUN_ID")
)
if (post("/api/v1/validate", report)$status != "successful") stop("The report does not fit the criteria.")
invisible(post("/api/v1/report", report))
