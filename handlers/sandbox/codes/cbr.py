"""CBR: the table of its API reference (October 2025); 1012 stands in Huawei Cloud's alone."""

TEXT = """
0001 400 No resource is available for backup.
0002 500 Resources are being backed up.
1005 500 The destination region does not support replication.
1006 500 Failed to import the backup replica.
1011 400 The destination project does not support replication.
1012 400 The maximum number of replicas has been reached.
2001 400 Restoration cannot be executed because the size of the disk on the server is smaller than the backup size.
2002 400 The resource is being backed up. Restore the resource after the backup is complete.
2003 400 Restoration to a different server is not allowed.
2005 400 Restoration is not allowed in the current backup status.
2007 400 A terminated ECS cannot be restored.
2008 400 Restoration is not allowed in the current ECS status.
2009 400 Restoration is not allowed in the current disk type.
2010 400 The resource is being restored.
2011 400 Restoration is not allowed in the current disk status.
2012 400 Restoration of some disks is not allowed.
2013 400 Backup data of a data disk cannot be restored to a system disk.
2014 400 A BMS backup cannot be restored to an ECS.
2015 400 Restoration is not allowed between different architectures.
4001 404 The migration record does not exist.
4004 500 Failed to clean up data.
4005 500 Failed to check the destination vault.
4006 500 Failed to migrate the backup in an intermediate status.
4007 500 Failed to check the migration progress of other regions.
6000 404 The policy does not exist.
6001 400 The maximum number of this type of policies has been reached.
6002 404 The vault is not applied with the policy.
6003 400 The destination region cannot be changed because the policy has been applied to a replication vault.
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
6117 400 Unknown policy type.
6118 400 Failed to check the destination vault.
6119 400 The destination vault does not support replication.
6120 400 The destination vault does not exist.
6121 400 Vault deletion failed.
6122 400 The resource type does not support replication.
6123 400 Capacity expansion failed. There may be unprocessed capacity expansion orders or capacity expansion is in progress.
6124 400 Backup is not allowed for the current type of vaults.
6125 400 A backup task is in progress.
6126 400 Database backup is not allowed for this vault.
6127 400 This policy cannot be applied to this vault.
6128 400 Replication is not allowed for the current type of vaults.
6129 400 The maximum capacity of the destination vault has been reached.
6130 400 The vault is being replicated.
6131 400 The traffic record does not exist.
6132 500 Vault creation failed.
6133 400 The maximum number of vaults has been reached.
6134 400 Resources are being removed from the vault.
6135 400 The resource does not exist in the vault.
6136 400 Backup policies cannot be applied with hybrid cloud backup vaults.
6137 500 One disk on cloud servers cannot be backed up in multiple vaults.
6138 500 Failed to obtain language preferences from CBC.
6139 500 Failed to obtain xdomain_type.
6140 400 An encrypted disk cannot be specified as a system disk.
6141 400 A SCSI disk cannot be specified as a system disk.
6142 400 Maximum capacities of all vaults have been reached.
6200 404 The backup does not exist.
6201 400 The backup cannot be deleted.
6202 400 Backups can be used for restoration only when the vault status is Available.
6203 400 Performing backups.
6204 400 The backup cannot be deleted because it has been used to create an image.
6206 400 Metadata query is not allowed in the current backup status.
6207 500 This type of backups cannot be used to create images.
6208 500 Image creation is not allowed in the current backup status.
6209 500 The backup does not contain the system disk data and cannot be used to create an image.
6210 500 An image has been created using the backup.
6211 500 An image has been created using the backup.
6212 500 Image creation failed.
6213 500 The backup and the image do not match.
6214 500 Failed to deregister the image.
6215 400 Backup is not allowed in the current resource status.
6216 400 The backup cannot be deleted because it is in use.
6217 404 The backup restore point does not exist.
6220 400 Automatic backups in the locked repository are prohibited from being manually deleted.
6300 400 The resource type and backup provider do not match.
6301 400 Invalid backup provider ID.
6302 404 The resource does not exist.
6400 400 Bucket creation failed.
6401 400 Failed to set the bucket quota.
6402 404 The bucket is not empty.
6403 400 Failed to obtain bucket storage information.
6404 400 Bucket deletion failed.
6405 400 Bucket object deletion failed.
6406 400 Failed to list bucket objects.
6407 400 Failed to set the bucket ACL.
6408 400 Failed to set the bucket policy.
6500 404 Operation log does not exist.
6501 404 The task does not exist.
6600 400 The maximum number of tags has been reached for the resource.
6601 404 The key does not exist.
6700 400 Only cloud server backups can be shared.
6701 400 The maximum number of backups that can be shared has been reached.
6702 400 Only backups in the Available status can be shared.
6703 400 The backup has been shared.
6704 400 Invalid project ID of the tenant for sharing.
6705 404 The share member does not exist.
6706 400 Invalid update parameter value for the share member.
6707 400 Backup sharing is not allowed.
6708 400 Failed to update the status of a share member.
6709 400 Backup sharing is not allowed for cloud servers using encrypted disks.
6710 400 The shared backup has been used to register an image.
6711 400 Shared backup deletion failed.
6712 400 Backup sharing is not allowed in the current vault status.
6713 400 The type of the vault accepting the shared backup and the backup resource type are different.
6714 400 A shared backup cannot be shared to the same member again.
7000 404 The disk does not exist.
7001 400 DESS disks cannot be backed up.
7002 400 SCSI disks cannot be backed up.
7003 400 Backup is not allowed in the current disk status.
7004 400 Backup or restoration is not allowed for this disk.
7006 400 The disk already exists in the vault.
7007 400 A disk created a long time ago cannot be backed up.
7008 400 Disks at the disaster recovery site cannot be restored.
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
7114 400 Restoration to the source server running a different operating system is not allowed.
7115 400 The backup server and the destination server to be restored have different types.
7116 400 The server has been associated with the vault.
7117 400 Restoration is not allowed for disaster recovery site servers.
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
