/* SPDX-License-Identifier: MIT */
/* library_table.c: well-known functions of libraries other than the C library, and the search through all tables. */
#include "base/util.h"
#include "probe/library_table.h"
#include "probe/proto_text.h"

/* clang-format off */
static const char *const zlib_modules[] = { "libz.so", NULL };
static const char *const zlib_rows[] = {
	"deflateInit_(z_stream *strm, int level, const char *version, int stream_size) -> enum zlib",
	("deflateInit2_(z_stream *strm, int level, int method, int windowBits, int memLevel, int strategy,"
	 " const char *version,"
	 " int stream_size) -> enum zlib"),
	"deflate(z_stream *strm, enum zflush flush) -> enum zlib",
	"deflateEnd(z_stream *strm) -> enum zlib",
	"deflateReset(z_stream *strm) -> enum zlib",
	"deflateBound(z_stream *strm, uLong sourceLen) -> uLong",
	"inflateInit_(z_stream *strm, const char *version, int stream_size) -> enum zlib",
	"inflateInit2_(z_stream *strm, int windowBits, const char *version, int stream_size) -> enum zlib",
	"inflate(z_stream *strm, enum zflush flush) -> enum zlib",
	"inflateEnd(z_stream *strm) -> enum zlib",
	"inflateReset(z_stream *strm) -> enum zlib",
	"compress(out Bytef *dest, uLongf *destLen, const Bytef *source:sourceLen, uLong sourceLen) -> enum zlib",
	("compress2(out Bytef *dest, uLongf *destLen, const Bytef *source:sourceLen, uLong sourceLen,"
	 " int level) -> enum zlib"),
	"compressBound(uLong sourceLen) -> uLong",
	"uncompress(out Bytef *dest, uLongf *destLen, const Bytef *source, uLong sourceLen) -> enum zlib",
	"crc32(uLong crc, const Bytef *buf, uInt len) -> uLong",
	"adler32(uLong adler, const Bytef *buf, uInt len) -> uLong",
	"gzopen(const char *path, const char *mode) -> errno struct gzFile_s *",
	"gzdopen(int fd, const char *mode) -> errno struct gzFile_s *",
	"gzread(struct gzFile_s *file, out void *buf, unsigned len) -> int",
	"gzwrite(struct gzFile_s *file, const void *buf:len, unsigned len) -> int",
	"gzgets(struct gzFile_s *file, out char *buf, int len) -> char *",
	"gzputs(struct gzFile_s *file, const char *s) -> int",
	"gzclose(struct gzFile_s *file) -> enum zlib",
};

static const char *const sqlite_modules[] = { "libsqlite3.so", NULL };
static const char *const sqlite_rows[] = {
	"sqlite3_open(const char *filename, out sqlite3 **db) -> enum sqlite",
	"sqlite3_open_v2(const char *filename, out sqlite3 **db, int flags, const char *vfs) -> enum sqlite",
	"sqlite3_close(sqlite3 *db) -> enum sqlite",
	"sqlite3_close_v2(sqlite3 *db) -> enum sqlite",
	("sqlite3_exec(sqlite3 *db, const char *sql, int (*callback)(void *, int, char **, char **),"
	 " void *arg, out char **errmsg) -> enum sqlite"),
	("sqlite3_prepare(sqlite3 *db, const char *sql, int nByte, out sqlite3_stmt **stmt,"
	 " out const char **tail) -> enum sqlite"),
	("sqlite3_prepare_v2(sqlite3 *db, const char *sql, int nByte, out sqlite3_stmt **stmt,"
	 " out const char **tail) -> enum sqlite"),
	("sqlite3_prepare_v3(sqlite3 *db, const char *sql, int nByte, unsigned int prepFlags,"
	 " out sqlite3_stmt **stmt, out const char **tail)"
	 " -> enum sqlite"),
	"sqlite3_step(sqlite3_stmt *stmt) -> enum sqlite",
	"sqlite3_reset(sqlite3_stmt *stmt) -> enum sqlite",
	"sqlite3_finalize(sqlite3_stmt *stmt) -> enum sqlite",
	"sqlite3_clear_bindings(sqlite3_stmt *stmt) -> enum sqlite",
	"sqlite3_bind_int(sqlite3_stmt *stmt, int index, int value) -> enum sqlite",
	"sqlite3_bind_int64(sqlite3_stmt *stmt, int index, sqlite3_int64 value) -> enum sqlite",
	"sqlite3_bind_double(sqlite3_stmt *stmt, int index, double value) -> enum sqlite",
	"sqlite3_bind_null(sqlite3_stmt *stmt, int index) -> enum sqlite",
	/* A length of -1 means up to the NUL, so it cannot be counted. */
	("sqlite3_bind_text(sqlite3_stmt *stmt, int index, const char *value, int n,"
	 " void (*destructor)(void *)) -> enum sqlite"),
	("sqlite3_bind_blob(sqlite3_stmt *stmt, int index, const void *value:n, int n,"
	 " void (*destructor)(void *)) -> enum sqlite"),
	"sqlite3_bind_parameter_index(sqlite3_stmt *stmt, const char *name) -> int",
	"sqlite3_column_count(sqlite3_stmt *stmt) -> int",
	"sqlite3_column_type(sqlite3_stmt *stmt, int column) -> enum {INTEGER = 1, FLOAT, TEXT, BLOB, NULL}",
	"sqlite3_column_int(sqlite3_stmt *stmt, int column) -> int",
	"sqlite3_column_int64(sqlite3_stmt *stmt, int column) -> sqlite3_int64",
	"sqlite3_column_double(sqlite3_stmt *stmt, int column) -> double",
	"sqlite3_column_text(sqlite3_stmt *stmt, int column) -> const unsigned char *",
	"sqlite3_column_blob(sqlite3_stmt *stmt, int column) -> const void *",
	"sqlite3_column_bytes(sqlite3_stmt *stmt, int column) -> int",
	"sqlite3_column_name(sqlite3_stmt *stmt, int column) -> const char *",
	"sqlite3_changes(sqlite3 *db) -> int",
	"sqlite3_last_insert_rowid(sqlite3 *db) -> sqlite3_int64",
	"sqlite3_errcode(sqlite3 *db) -> enum sqlite",
	"sqlite3_errmsg(sqlite3 *db) -> const char *",
	"sqlite3_busy_timeout(sqlite3 *db, int ms) -> enum sqlite",
	"sqlite3_get_autocommit(sqlite3 *db) -> int",
	"sqlite3_wal_checkpoint(sqlite3 *db, const char *schema) -> enum sqlite",
	"sqlite3_malloc(int n) -> void *",
	"sqlite3_free(void *p) -> void",
};

static const char *const openssl_modules[] = { "libssl.so", "libcrypto.so", NULL };
static const char *const openssl_rows[] = {
	"SSL_CTX_new(const SSL_METHOD *method) -> SSL_CTX *",
	"SSL_CTX_free(SSL_CTX *ctx) -> void",
	"SSL_CTX_use_certificate_file(SSL_CTX *ctx, const char *file, int type) -> int",
	"SSL_CTX_use_certificate_chain_file(SSL_CTX *ctx, const char *file) -> int",
	"SSL_CTX_use_PrivateKey_file(SSL_CTX *ctx, const char *file, int type) -> int",
	"SSL_CTX_load_verify_locations(SSL_CTX *ctx, const char *file, const char *path) -> int",
	"SSL_new(SSL_CTX *ctx) -> SSL *",
	"SSL_free(SSL *ssl) -> void",
	"SSL_set_fd(SSL *ssl, int fd) -> int",
	"SSL_connect(SSL *ssl) -> int",
	"SSL_accept(SSL *ssl) -> int",
	"SSL_do_handshake(SSL *ssl) -> int",
	"SSL_shutdown(SSL *ssl) -> int",
	"SSL_read(SSL *ssl, out void *buf, int num) -> int",
	"SSL_read_ex(SSL *ssl, out void *buf, size_t num, out size_t *readbytes) -> int",
	"SSL_peek(SSL *ssl, out void *buf, int num) -> int",
	"SSL_write(SSL *ssl, const void *buf:num, int num) -> int",
	"SSL_write_ex(SSL *ssl, const void *buf:num, size_t num, out size_t *written) -> int",
	"SSL_pending(const SSL *ssl) -> int",
	("SSL_get_error(const SSL *ssl, int ret) -> enum {SSL_ERROR_NONE, SSL_ERROR_SSL, SSL_ERROR_WANT_READ,"
	 " SSL_ERROR_WANT_WRITE,"
	 " SSL_ERROR_WANT_X509_LOOKUP, SSL_ERROR_SYSCALL, SSL_ERROR_ZERO_RETURN, SSL_ERROR_WANT_CONNECT, SSL_ERROR_WANT_ACCEPT}"),
	"SSL_get_verify_result(const SSL *ssl) -> long",
	"EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *data, size_t n) -> int",
	("EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, out unsigned char *to, out int *written,"
	 " const unsigned char *from, int n) -> int"),
	("EVP_DecryptUpdate(EVP_CIPHER_CTX *ctx, out unsigned char *to, out int *written,"
	 " const unsigned char *from, int n) -> int"),
	"RAND_bytes(out unsigned char *buf, int num) -> int",
	"ERR_get_error(void) -> unsigned long",
	"ERR_peek_error(void) -> unsigned long",
};

static const char *const python_modules[] = { "libpython", "python3", "python", NULL };
static const char *const python_rows[] = {
	"PyObject_GetAttr(PyObject *o, PyObject *name) -> PyObject *",
	"PyObject_GetAttrString(PyObject *o, const char *name) -> PyObject *",
	"PyObject_SetAttr(PyObject *o, PyObject *name, PyObject *value) -> int",
	"PyObject_SetAttrString(PyObject *o, const char *name, PyObject *value) -> int",
	"PyObject_HasAttrString(PyObject *o, const char *name) -> int",
	"PyObject_GenericGetAttr(PyObject *o, PyObject *name) -> PyObject *",
	"PyObject_GetItem(PyObject *o, PyObject *key) -> PyObject *",
	"PyObject_SetItem(PyObject *o, PyObject *key, PyObject *value) -> int",
	"PyObject_DelItem(PyObject *o, PyObject *key) -> int",
	"PyObject_Call(PyObject *callable, PyObject *args, PyObject *kwargs) -> PyObject *",
	"PyObject_CallObject(PyObject *callable, PyObject *args) -> PyObject *",
	"PyObject_CallFunction(PyObject *callable, const char *format, ...) -> PyObject *",
	"PyObject_CallMethod(PyObject *o, const char *name, const char *format, ...) -> PyObject *",
	"PyObject_Vectorcall(PyObject *callable, PyObject *const *args, size_t nargsf, PyObject *kwnames) -> PyObject *",
	"PyObject_Str(PyObject *o) -> PyObject *",
	"PyObject_Repr(PyObject *o) -> PyObject *",
	"PyObject_Hash(PyObject *o) -> Py_hash_t",
	"PyObject_IsTrue(PyObject *o) -> int",
	"PyObject_RichCompare(PyObject *a, PyObject *b, enum {LT, LE, EQ, NE, GT, GE} op) -> PyObject *",
	"PyObject_Size(PyObject *o) -> Py_ssize_t",
	"PyObject_GetIter(PyObject *o) -> PyObject *",
	"PyIter_Next(PyObject *o) -> PyObject *",
	"PyDict_New(void) -> PyObject *",
	"PyDict_GetItem(PyObject *dict, PyObject *key) -> PyObject *",
	"PyDict_GetItemString(PyObject *dict, const char *key) -> PyObject *",
	"PyDict_SetItem(PyObject *dict, PyObject *key, PyObject *value) -> int",
	"PyDict_SetItemString(PyObject *dict, const char *key, PyObject *value) -> int",
	"PyList_New(Py_ssize_t size) -> PyObject *",
	"PyList_Append(PyObject *list, PyObject *item) -> int",
	"PyTuple_New(Py_ssize_t size) -> PyObject *",
	"PyLong_FromLong(long v) -> PyObject *",
	"PyLong_AsLong(PyObject *o) -> long",
	"PyFloat_FromDouble(double v) -> PyObject *",
	"PyUnicode_FromString(const char *s) -> PyObject *",
	"PyUnicode_FromStringAndSize(const char *s:size, Py_ssize_t size) -> PyObject *",
	"PyUnicode_AsUTF8(PyObject *o) -> const char *",
	"PyBytes_FromStringAndSize(const char *s, Py_ssize_t size) -> PyObject *",
	"PyImport_ImportModule(const char *name) -> PyObject *",
	"PyImport_Import(PyObject *name) -> PyObject *",
	"PyErr_SetString(PyObject *type, const char *message) -> void",
	"PyErr_Format(PyObject *type, const char *format, ...) -> PyObject *",
	"PyErr_Occurred(void) -> PyObject *",
	"PyErr_Clear(void) -> void",
	"PyRun_SimpleStringFlags(const char *command, PyCompilerFlags *flags) -> int",
	"PyEval_EvalCode(PyObject *code, PyObject *globals, PyObject *locals) -> PyObject *",
	"PyEval_SaveThread(void) -> PyThreadState *",
	"PyEval_RestoreThread(PyThreadState *state) -> void",
	"PyGILState_Ensure(void) -> enum {LOCKED, UNLOCKED}",
	"PyGILState_Release(enum {LOCKED, UNLOCKED} state) -> void",
	"PyMem_Malloc(size_t n) -> void *",
	"PyMem_Free(void *p) -> void",
	"PyObject_Malloc(size_t n) -> void *",
	"PyObject_Free(void *p) -> void",
	"PyGC_Collect(void) -> Py_ssize_t",
	"_PyObject_GC_New(PyTypeObject *type) -> PyObject *",
};
/* clang-format on */

#define LIBRARY(name) { name##_modules, name##_rows, ARRAY_SIZE(name##_rows) }

const struct library libraries[] = {
	LIBRARY(zlib),
	LIBRARY(sqlite),
	LIBRARY(openssl),
	LIBRARY(python),
};
const size_t libraries_count = ARRAY_SIZE(libraries);

static bool is_module(const struct library *l, const char *base)
{
	for (const char *const *m = l->modules; *m; m++)
		if (!strncmp(base, *m, strlen(*m)))
			return true;
	return false;
}

static const char *find_row(const struct library *l, const char *name, size_t n)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strncmp(l->rows[i], name, n) && l->rows[i][n] == '(')
			return l->rows[i];
	return NULL;
}

/*
 * The C library has several names for one function: __libc_malloc, __write, open64 (off_t has 64 bits on x86-64 anyway).
 * Not: strtof64, which gives a double; _IO_ names, some of which take other parameters.
 */
static const char *find_alias(const char *name, size_t n)
{
	static const char *const prefixes[] = { "__libc_", "__GI_", "__isoc99_", "__isoc23_", "__" };
	const char *row = find_row(&library_libc, name, n);

	for (size_t i = 0; i < ARRAY_SIZE(prefixes) && !row; i++) {
		size_t skip = strlen(prefixes[i]);

		if (skip < n && !strncmp(name, prefixes[i], skip))
			row = find_row(&library_libc, name + skip, n - skip);
	}
	return row;
}

static const char *find_libc(const char *name)
{
	size_t n = strcspn(name, "@"); /* a symbol's version */
	const char *row = find_alias(name, n);

	if (!row && n > 3 && !strncmp(name + n - 2, "64", 2) && name[n - 3] != 'f')
		row = find_alias(name, n - 2);
	return row;
}

const char *libc_prototype(const char *module_path, const char *function)
{
	const char *base = util_base_name(module_path);

	if (is_module(&library_libc, base))
		return find_libc(function);
	for (size_t i = 0; i < libraries_count; i++)
		if (is_module(&libraries[i], base))
			return find_row(&libraries[i], function, strcspn(function, "@"));
	return NULL;
}
