"""CBR: the table of its API reference (October 2025); 1012 stands in Huawei Cloud's alone."""

TEXT = """
0001 400 No resource is available for backup.
0002 500 Resources are being backed up.
1005 500 Target region cannot receive replicas.
1006 500 Replica import failed.
1011 400 Target project cannot receive replicas.
1012 400 The maximum number of replicas has been reached.
2001 400 Server disk smaller than its backup.
2002 400 Resource is under backup, restore later.
2003 400 Restore to another server forbidden.
2005 400 Backup not in a restorable state.
2007 400 Server was terminated.
2008 400 Server state forbids restore.
2009 400 Disk type forbids restore.
2010 400 The resource is being restored.
2011 400 Disk state forbids restore.
2012 400 Some of the disks cannot be restored.
2013 400 Data-disk backup onto system disk.
2014 400 BMS backup onto ECS.
2015 400 CPU architecture differs.
4001 404 Migration record missing.
4004 500 Data clean-up failed.
4005 500 Target vault could not be checked.
4006 500 Backup in an intermediate state could not be migrated.
4007 500 Migration progress of another region unreadable.
6000 404 Policy missing.
6001 400 Policy quota for this type used up.
6002 404 Policy not applied to the vault.
6003 400 Target region fixed because policy already used by a replication vault.
6100 400 The maximum number of vault resources has been reached.
6101 400 Invalid vault capacity.
6102 400 The vault does not support this resource type.
6103 400 The resource has been associated with a vault.
6104 400 Duplicate vault resources.
6105 404 The vault does not exist.
6106 400 The vault already exists.
6107 400 Vault capacity expansion failed.
6108 400 New resources cannot be associated with the vault.
6109 400 The bill does not exist.
6110 400 The vault cannot be updated.
6111 400 The vault cannot be deleted.
6112 400 Invalid vault status.
6113 400 Backup is not allowed in the current vault status.
6114 400 The used capacity of the vault exceeds the maximum capacity.
6115 400 Failed to delete the backups of vault resources.
6116 400 Unsupported resource type.
6117 400 Operation type of policy unknown.
6118 400 Target vault could not be checked.
6119 400 Target vault cannot receive replicas.
6120 400 Target vault missing.
6121 400 Vault deletion failed.
6122 400 Resource type cannot be replicated.
6123 400 Capacity expansion failed. There may be unprocessed capacity expansion orders or capacity expansion is in progress.
6124 400 Backup is not allowed for the current type of vaults.
6125 400 A backup task is in progress.
6126 400 Database backup is not allowed for this vault.
6127 400 Policy does not fit this vault.
6128 400 Vault type cannot replicate.
6129 400 Target vault is full.
6130 400 The vault is being replicated.
6131 400 Traffic record missing.
6132 500 Vault creation failed.
6133 400 The maximum number of vaults has been reached.
6134 400 Resources are being removed from the vault.
6135 400 The resource does not exist in the vault.
6136 400 Hybrid vault takes no backup policy.
6137 500 One disk on cloud servers cannot be backed up in multiple vaults.
6138 500 Failed to obtain language preferences from CBC.
6139 500 Failed to obtain xdomain_type.
6140 400 Encrypted disk cannot be the system disk.
6141 400 SCSI disk cannot be the system disk.
6142 400 Maximum capacities of all vaults have been reached.
6200 404 The backup does not exist.
6201 400 The backup cannot be deleted.
6202 400 Restore needs an available vault.
6203 400 Performing backups.
6204 400 The backup cannot be deleted because it has been used to create an image.
6206 400 Metadata query is not allowed in the current backup status.
6207 500 Backup type cannot become an image.
6208 500 Backup state forbids image creation.
6209 500 Backup lacks the system disk.
6210 500 An image was already made.
6211 500 An image was already made.
6212 500 Image creation failed.
6213 500 Backup and image do not match.
6214 500 Image deregistration failed.
6215 400 Backup is not allowed in the current resource status.
6216 400 The backup cannot be deleted because it is in use.
6217 404 The backup restore point does not exist.
6220 400 Automatic backups in the locked repository are prohibited from being manually deleted.
6300 400 The resource type and backup provider do not match.
6301 400 Invalid backup provider ID.
6302 404 The resource does not exist.
6400 400 Bucket create failed.
6401 400 Bucket quota failed.
6402 404 Bucket not empty.
6403 400 Bucket info failed.
6404 400 Bucket delete failed.
6405 400 Bucket object delete failed.
6406 400 Bucket list failed.
6407 400 Bucket ACL failed.
6408 400 Bucket policy failed.
6500 404 Operation log does not exist.
6501 404 The task does not exist.
6600 400 Tag quota of the vault used up.
6601 404 Tag key missing.
6700 400 Only server backups can be shared.
6701 400 Share quota used up.
6702 400 Only available backups can be shared.
6703 400 Already shared.
6704 400 Target project id bad.
6705 404 Share member missing.
6706 400 Bad member update value.
6707 400 Sharing not allowed.
6708 400 Member update failed.
6709 400 No sharing with encrypted disks.
6710 400 Shared backup already used for an image.
6711 400 Shared backup delete failed.
6712 400 Vault state forbids sharing.
6713 400 Accepting vault type differs from the resource type.
6714 400 Already shared to that member.
7000 404 The disk does not exist.
7001 400 DESS disks cannot be backed up.
7002 400 SCSI disks cannot be backed up.
7003 400 Backup is not allowed in the current disk status.
7004 400 Backup or restoration is not allowed for this disk.
7006 400 The disk already exists in the vault.
7007 400 A disk created a long time ago cannot be backed up.
7008 400 Disk of a DR site cannot be restored.
7009 500 The disk backup is being lazyloaded after deleted.
7100 404 The server does not exist.
7101 400 Backup is not allowed in the current server status.
7102 400 The server has stopped.
7103 400 The server cannot be backed up.
7104 400 Backup is not allowed for servers using SCSI disks.
7105 400 Inconsistent disk backends.
7106 400 Shared disks cannot be backed up.
7107 400 The maximum number of shared disks has been reached.
7108 400 Backup is not allowed for servers containing no disks.
7109 400 BMSs cannot be backed up.
7110 400 The resource type and provider ID do not match.
7111 400 Backup is not allowed for servers using DESS disks.
7113 400 BMS local disks cannot be backed up.
7114 400 Restore to a source server with another OS.
7115 400 Source and target server types differ.
7116 400 The server has been associated with the vault.
7117 400 DR-site server cannot be restored.
7200 400 Cloud databases are being backed up.
7201 400 The disk is not attached to any server.
7202 404 Failed to obtain the snapshot.
7203 400 The snapshot is not in the correct status.
7204 400 The snapshot and disk do not match.
7300 400 The vault does not support synchronization.
7301 400 The vault is not empty.
7302 400 Backups are being synchronized.
7303 400 The maximum number of vaults has been reached.
8300 400 Insufficient snapshot quota.
8400 500 Failed to obtain the product from CBC.
8600 403 Not authenticated.
9900 400 Parameter verification failed.
9910 500 Unknown error.
9998 500 Authentication failed.
"""
