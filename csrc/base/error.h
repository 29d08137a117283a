#pragma once

#include <cstdint>
#include <exception>
#include <string>

namespace penstock::base {

/// What went wrong, by what the reader can do about it. Each kind is one Python class (bindings/errors.cpp).
enum class ErrorKind {
  kStorage,         ///< the storage failed: permissions, I/O errors
  kChunkNotFound,   ///< the index names a chunk that is not there
  kChunkFormat,     ///< a chunk is truncated or contradicts itself
  kDecode,          ///< a sample's bytes cannot be decoded to its stated shape
  kUnsupported,     ///< sound data of a kind that is not read
  kTransform,       ///< a step of the pipeline cannot take the sample
  kClosed,          ///< the loader was closed while it was in use
  kTimeout,         ///< a batch did not come in the time that was given
  kThreads,         ///< the system does not give as many threads as were asked for
  kAccessDenied,    ///< the storage does not know the credentials, or they do not suffice
  kHostNotFound,    ///< the name in a URL is none
  kCertificate,     ///< the server cannot show that it is the one that the URL names
  kStorageTimeout,  ///< the storage did not answer in the time that was given
};
inline constexpr ErrorKind kLastErrorKind = ErrorKind::kStorageTimeout;

/// The advice that goes with a chunk whose bytes contradict each other.
inline constexpr const char* kDamagedChunk = "The chunk is damaged: restore it from a copy of the dataset.";

/// The one exception of the core. It is thrown with a cause where the fault is found and learns its place on the
/// way up, where tensor, sample and chunk are known.
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string cause, std::string hint = {});

  const char* what() const noexcept override { return cause_.c_str(); }

  ErrorKind kind() const { return kind_; }
  const std::string& cause() const { return cause_; }
  const std::string& hint() const { return hint_; }
  const std::string& tensor() const { return tensor_; }
  const std::string& chunk() const { return chunk_; }
  /// Index of the sample in the dataset; -1 where none is concerned.
  std::int64_t sample() const { return sample_; }

  /// Fills in what is not yet known.
  void set_place(const std::string& tensor, std::int64_t sample, const std::string& chunk);

 private:
  ErrorKind kind_;
  std::string cause_;
  std::string hint_;
  std::string tensor_;
  std::string chunk_;
  std::int64_t sample_ = -1;
};

}  // namespace penstock::base
