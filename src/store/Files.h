// Files: the seam through which the store touches the file system, so that tests can fail the n-th call.
//
// Errors throw FileError with the errno. EINTR and short writes are handled here.
// A failed fsync is final: the caller must not retry it but give the file up.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace mox::store {

class FileError : public std::system_error {
 public:
  using std::system_error::system_error;
  /// ENOSPC or EDQUOT.
  bool isDiskFull() const;
};

/// An open file descriptor that closes itself.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd();
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  int get() const { return fd_; }
  int release();
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// Thread safe.
class Files {
 public:
  virtual ~Files() = default;
  /// A new file, mode 0600; fails if it exists.
  virtual Fd create(const std::string& path);
  virtual Fd openRead(const std::string& path);
  virtual void write(int fd, std::string_view bytes);
  /// Over what is there already.
  virtual void writeAt(int fd, std::uint64_t offset, std::string_view bytes);
  virtual void sync(int fd);
  virtual void syncDirectory(const std::string& path);
  /// A second name for the file; fails if `to` exists.
  virtual void link(const std::string& from, const std::string& to);
  virtual void rename(const std::string& from, const std::string& to);
  /// False if there was no such file.
  virtual bool remove(const std::string& path);
  /// Creates the directory (mode 0700) and its parents, each synced into its own parent; fine if there.
  virtual void makeDirectory(const std::string& path);
  /// Names without "." and ".."; empty if there is no such directory.
  virtual std::vector<std::string> list(const std::string& path);
  /// Bytes, or -1 if there is no such file.
  virtual std::int64_t size(const std::string& path);
};

/// The operating system's: Files as it is.
class SystemFiles final : public Files {};

}  // namespace mox::store
